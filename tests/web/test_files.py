"""Static files travel compressed, once, and are asked for again when they have changed."""

import gzip
import re

from tests.web.conftest import Panel


def test_styles_and_scripts_are_kept_until_they_change(visitor: Panel) -> None:
    addresses = re.findall(r'(?:href|src)="(/static/[^"]+)"', visitor.get("/login").text)
    assert len(addresses) >= 5
    for address in addresses:
        answer = visitor.client.get(address, headers={"Accept-Encoding": "gzip"})
        assert answer.status_code == 200, address
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable", address
        assert answer.headers["Content-Encoding"] == "gzip", address
        plain = visitor.client.get(address)
        assert gzip.decompress(answer.data) == plain.data
        plain.close()
        changes = re.search(r"\?v=[0-9a-f]{12}$", address) or address.startswith("/static/vendor/")
        assert changes, "the address changes with the content"


def test_a_file_that_is_asked_for_without_its_hash_is_asked_for_again(visitor: Panel) -> None:
    answer = visitor.client.get("/static/app.css")
    assert answer.headers["Cache-Control"] == "no-cache"
    answer.close()
    assert visitor.client.get("/static/nothing.css").status_code == 404


def test_pages_are_never_kept(panel: Panel) -> None:
    answer = panel.client.get("/logs", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in answer.headers["Vary"]
