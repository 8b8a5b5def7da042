"""`/suppressions`: the list, adding and removing, import and export."""

import io
from datetime import UTC, datetime
from typing import Any

from senddock.dispatch import suppressions
from senddock.models import Database
from tests.web.conftest import Panel, without_tokens


def _add(database: Database, address: str, comment: str | None = None) -> None:
    suppressions.add(database, 1, address, comment=comment, now=datetime.now(UTC))


def test_the_list_is_page_and_fragment_and_untrusted(panel: Panel, sqlite: Database) -> None:
    assert "No address is suppressed" in panel.get("/suppressions").text
    _add(sqlite, "ana@example.org", "<script>")
    page = panel.get("/suppressions").text
    assert without_tokens(panel.get("/suppressions", fragment=True).text) in without_tokens(page)
    assert "&lt;script&gt;" in page
    assert "ana@example.org" not in panel.get("/suppressions?q=bo@").text


def test_an_address_is_added_and_removed(panel: Panel) -> None:
    answer = panel.post("/suppressions", {"address": "Ana@Example.org", "project": 1}, form="/suppressions")
    assert answer.status_code == 303
    assert "ana@example.org" in panel.get("/suppressions").text
    wrong = panel.post("/suppressions", {"address": "nonsense", "project": 1}, form="/suppressions")
    assert wrong.status_code == 422
    assert "cannot be suppressed" in wrong.text
    panel.post("/suppressions/remove", {"address": "ana@example.org", "project": 1}, form="/suppressions")
    assert "No address is suppressed" in panel.get("/suppressions").text


def test_a_file_is_imported_and_exported(panel: Panel) -> None:
    upload: Any = (io.BytesIO(b"a@example.org\nnonsense\n"), "list.csv")
    panel.post("/suppressions/import", {"file": upload, "project": 1}, form="/suppressions")
    page = panel.get("/suppressions").text
    assert "1 added, 0 were on the list already" in page
    assert "Line 2" in page
    exported = panel.get("/suppressions/export.csv")
    assert exported.text.splitlines()[1].startswith("a@example.org,manual,")
