"""A provider's page shows its limits: used, when they start anew, and whose figures they are."""

from datetime import UTC, datetime

from redis import Redis

from senddock.dispatch.pace import Pace
from senddock.models import Database, Provider
from senddock.secrets.vault import Vault
from tests.conftest import Bench
from tests.web.conftest import Panel


def test_the_page_tells_what_is_used_and_where_a_limit_comes_from(
    panel: Panel, sqlite: Database, vault: Vault, redis: Redis
) -> None:
    bench = Bench(sqlite, vault, None)
    provider_id = bench.provider(2525, "SES", preset="ses", per_second=1, per_day=200, per_hour=77)
    with sqlite.read() as session:
        row = session.get(Provider, provider_id)
    assert row is not None
    Pace(sqlite, redis).take(row, transactional=True, now=datetime.now(UTC), messages=1)
    page = panel.get(f"/smtp/{provider_id}").text
    bench.close()
    box = page.split('id="limits-used"')[1].split("</aside>")[0]
    for words in ("1 of 200", "1 of 77", "A second: 1", "starts anew", "as the plan “Sandbox” has it", "set by you",
                  "/guides/aws-ses#limits"):  # fmt: skip
        assert words in box, words
