"""`/statistics`: figures, charts with their tables, and the export."""

import csv
import io
from datetime import UTC, datetime

from senddock.dispatch import providers
from senddock.dispatch.tally import Tally, pen_of
from senddock.models import Database
from senddock.secrets.vault import Vault
from tests.web.conftest import Panel


def fill(database: Database, vault: Vault, name: str = "AWS SES") -> int:
    row = providers.add(
        database,
        vault,
        {
            "name": name,
            "host": "smtp.example.com",
            "port": 587,
            "encryption": "starttls",
            "from_email": "us@example.com",
        },
        None,
    )
    # One moment for all: between two of them the hour might be over.
    now = datetime.now(UTC)
    tallies = [
        Tally(now, 1, row.id, verdict, [("gmail.com", verdict)], 120.0, failed_over=False)
        for verdict in ("accepted", "accepted", "recipient_transient")
    ]
    with database.transaction() as connection:
        Tally.write(pen_of(connection), tallies)
    return row.id


def test_nothing_sent_is_said_plainly(panel: Panel) -> None:
    assert "Nothing was sent in this time" in panel.get("/statistics").text


def test_the_page_shows_every_chart_with_the_table_it_is_drawn_from(
    panel: Panel, sqlite: Database, vault: Vault
) -> None:
    provider_id = fill(sqlite, vault)
    page = panel.get("/statistics?span=7d").text
    for chart in ("accepted", "latency", "soft", "failures"):
        assert f'data-plot="{chart}-table"' in page
        assert f'id="{chart}-table"' in page
    for words in ("AWS SES", "gmail.com", "By recipient domain", "66.7 %", 'data-value="2"'):
        assert words in page, words
    assert panel.get("/statistics?span=7d", fragment=True).text.strip()[:40] in page
    assert "Nothing was sent" in panel.get(f"/statistics?provider={provider_id + 1}&span=nonsense&stream=x").text
    assert "/statistics" in panel.get("/logs").text
    assert f"/statistics?provider={provider_id}" in panel.get(f"/smtp/{provider_id}").text


def test_the_export_is_a_spreadsheet_that_runs_nothing(panel: Panel, sqlite: Database, vault: Vault) -> None:
    fill(sqlite, vault, name="=cmd()")
    rows = list(csv.DictReader(io.StringIO(panel.get("/statistics/export.csv?span=30d").text)))
    assert sum(int(row["recipients"]) for row in rows) == 3
    assert {row["provider"] for row in rows} == {"'=cmd()"}
    domains = list(csv.DictReader(io.StringIO(panel.get("/statistics/export.csv?by=domain").text)))
    assert {row["domain"] for row in domains} == {"gmail.com"}


def test_the_provider_page_says_who_shares_its_credentials(panel: Panel, sqlite: Database, vault: Vault) -> None:
    from senddock.dispatch import streams

    provider_id = fill(sqlite, vault)
    alone = panel.get(f"/smtp/{provider_id}").text
    assert "Used by" in alone
    assert "project" not in alone.partition('id="provider-users"')[2].partition("</p>")[0]
    streams.add_project(sqlite, "shop")
    assert "shared by 2 projects" in panel.get(f"/smtp/{provider_id}").text
