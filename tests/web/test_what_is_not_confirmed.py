"""Nothing that was only remembered is shown as a fact: on the cards, in the form, on a provider's page, in the guides."""

import re

import pytest

from senddock.domain.catalogue import catalogue
from senddock.domain.catalogue.entry import Entry
from senddock.domain.presets import PRESETS
from senddock.models import Database
from senddock.secrets.vault import Vault
from tests.conftest import Bench
from tests.web.conftest import Panel

ENTRIES = list(catalogue().values())
MARK = "not confirmed"


def unfolded(text: str) -> str:
    return re.sub(r"\s+", " ", text)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.key)
def test_the_form_marks_what_is_not_confirmed_and_imposes_no_such_limit(panel: Panel, entry: Entry) -> None:
    for plan in entry.plans:
        page = unfolded(panel.get(f"/smtp/new?preset={entry.key}&plan={plan.key}").text)
        filled = re.findall(r'<input[^>]*name="per_[a-z]+"[^>]*value="(\d+)"', page)
        assert len(filled) == (len(plan.limits()) if plan.confidence.confirmed else 0), plan.key
        if entry.key == "generic":
            continue
        said = page.partition("</main>")[0].rpartition('class="with-aside-side"')[2]
        if not plan.confidence.confirmed:
            assert MARK in said.partition("</p>")[0] or "(not confirmed)" in said
        if not entry.server.confidence.confirmed:
            assert "Not every value of this preset is confirmed" in said
        if entry.sandbox.told and not entry.sandbox.confidence.confirmed:
            assert said.count(MARK) >= 1
        assert "Nothing recorded" not in said
        assert ">None.<" not in said


def test_an_unconfirmed_price_says_so_on_its_card() -> None:
    for entry in ENTRIES:
        if entry.cost and not entry.cost_confidence.confirmed:
            assert MARK in PRESETS[entry.key].cost


def test_the_form_and_the_page_link_to_where_limits_were_read(panel: Panel, sqlite: Database, vault: Vault) -> None:
    plan = catalogue()["ses"].plans[0]
    assert plan.source.startswith("https://docs.aws.amazon.com/")
    assert f'href="{plan.source}"' in panel.get("/smtp/new?preset=ses").text
    bench = Bench(sqlite, vault, None)
    provider_id = bench.provider(2525, "SES", preset="ses", per_second=1, per_day=200, per_hour=77)
    box = panel.get(f"/smtp/{provider_id}").text.split('id="limits-used"')[1].split('id="provider-domains"')[0]
    bench.close()
    assert box.count(f'href="{plan.source}"') == 2
    assert f'href="{plan.source}"' in panel.get("/guides/aws-ses").text
