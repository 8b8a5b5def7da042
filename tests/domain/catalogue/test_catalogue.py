"""The catalogue: every entry fits its form, and what is not confirmed says so."""

import re

import pytest

from senddock.domain.catalogue import Confidence, Entry, catalogue, entry_of_host
from senddock.domain.dns_records.facts import profile_from_dns_facts
from senddock.domain.presets import LIMITS, PRESETS, preset_of

ENTRIES = [pytest.param(entry, id=key) for key, entry in catalogue().items()]


def test_it_holds_all_entries_and_begins_with_those_of_the_user_documentation() -> None:
    keys = list(catalogue())
    assert len(keys) == len(set(keys)) == 27
    assert keys[:6] == ["resend", "hostinger", "ses", "sendgrid", "mailgun", "generic"]
    assert [key for key, entry in catalogue().items() if entry.documented] == keys[:6]


@pytest.mark.parametrize("entry", ENTRIES)
def test_an_entry_is_complete(entry: Entry) -> None:
    assert entry.difficulty in ("easy", "medium", "complex")
    assert entry.best_for
    assert entry.username.text
    assert entry.password.text
    assert entry.sandbox.text
    assert re.fullmatch("[a-z0-9-]+", entry.guide)
    assert entry.plans
    assert all(plan.limits() or plan.note for plan in entry.plans)
    for plan in entry.plans:
        assert all(value > 0 for value in plan.limits().values())
        assert plan.counts in ("messages", "recipients")


@pytest.mark.parametrize("entry", ENTRIES)
def test_the_recommended_port_is_one_of_its_ports_with_the_same_encryption(entry: Entry) -> None:
    chosen = entry.server.port_facts(entry.server.port)
    assert chosen is not None
    assert chosen.encryption == entry.server.encryption
    assert chosen.confidence.confirmed
    assert not {port.port for port in entry.server.ports} & set(entry.server.not_offered)
    assert all(port.encryption in ("ssl", "starttls") for port in entry.server.ports)


@pytest.mark.parametrize("entry", ENTRIES)
def test_its_hosts_lead_back_to_it(entry: Entry) -> None:
    if entry.key == "generic":
        assert not entry.server.hosts
        return
    for host in entry.server.hosts:
        name = re.sub("<[^>]*>", "7", host.host)
        found = entry_of_host(name.upper())
        assert found is entry


@pytest.mark.parametrize("entry", ENTRIES)
def test_its_records_become_a_profile_that_the_domain_check_can_use(entry: Entry) -> None:
    profile = profile_from_dns_facts(entry.key, entry.dns, entry.name)
    assert profile.title == entry.name
    if entry.dns["confidence"] == "memory":
        assert profile.unconfirmed == {"spf", "dkim", "return_path"}


@pytest.mark.parametrize("entry", ENTRIES)
def test_a_limit_that_is_not_confirmed_is_shown_as_such_and_not_imposed(entry: Entry) -> None:
    preset = preset_of(entry)
    assert preset is not None
    if entry.plan.confidence.confirmed:
        assert "not confirmed" not in preset.limits_text
        assert all(getattr(preset, name) == value for name, value in entry.plan.limits().items())
    else:
        assert preset.limits_text.endswith("(not confirmed)")
        assert not any(getattr(preset, name) for name in LIMITS[:5])


@pytest.mark.parametrize(
    ("key", "plan", "limits"),
    [
        ("ses", "sandbox", {"per_second": 1, "per_day": 200}),
        ("ses", "production", {"per_second": 14}),
        ("resend", "free", {"per_day": 100, "per_month": 3000}),
        ("resend", "paid", {"per_day": 50000}),
        ("sendgrid", "plan", {}),
        ("hostinger", "starter", {"per_hour": 100, "per_day": 1000}),
    ],
)
def test_the_plans_have_the_limits_of_the_user_documentation(key: str, plan: str, limits: dict[str, int]) -> None:
    found = catalogue()[key].plan_named(plan)
    assert found is not None
    assert found.limits() == limits


@pytest.mark.parametrize(
    ("key", "difficulty", "cost", "best_for"),
    [
        ("resend", "⭐ Easy", "$20/mo for 50k", "Startups, rapid development"),
        ("hostinger", "⭐ Easy", "$3-10/mo", "Blogs, small projects"),
        ("ses", "⭐⭐⭐ Complex", "$0.10 per 1,000", "High volume, low cost"),
        ("sendgrid", "⭐⭐ Medium", "$20/mo for 50k", "Marketing and transactional"),
        ("mailgun", "⭐⭐ Medium", "$35/mo for 50k", "Developers, API-first"),
        ("generic", "⭐ Easy", "Varies", "Any provider"),
    ],
)
def test_the_cards_say_what_the_user_documentation_says(key: str, difficulty: str, cost: str, best_for: str) -> None:
    card = PRESETS[key]
    assert (card.difficulty, card.cost, card.best_for) == (difficulty, cost, best_for)


def test_the_first_limits_of_ses_are_those_of_its_sandbox() -> None:
    assert PRESETS["ses"].limits_text == "AWS SES (Sandbox): 1/s, 200/day"


def test_only_what_was_read_somewhere_counts_as_confirmed() -> None:
    assert [word for word in Confidence if word.confirmed] == [Confidence.HIGH, Confidence.MEDIUM]
