"""What a person reads about an error: complete for every class, with a place in the guides."""

import pytest

from senddock.domain.catalogue.guide_book import guide_book
from senddock.domain.error_help import help_for, help_for_class
from senddock.domain.reply import parse_reply
from senddock.domain.verdict import judge
from senddock.domain.verdict_class import VerdictClass


@pytest.mark.parametrize("cls", list(VerdictClass))
def test_every_class_says_what_happened_why_and_what_to_do(cls: VerdictClass) -> None:
    told = help_for_class(cls)
    for text in (told.happened, told.why, told.next_step):
        assert text.endswith(".")
        assert len(text) > 25
    name, _, anchor = told.guide.partition("#")
    if cls is not VerdictClass.ACCEPTED:
        assert f"{{#{anchor}}}" in guide_book()[name].text


def test_the_troubleshooting_guide_tells_the_same_as_the_log() -> None:
    text = guide_book()["troubleshooting"].text
    for cls in VerdictClass:
        if cls is not VerdictClass.ACCEPTED:
            assert help_for_class(cls).next_step in text


@pytest.mark.parametrize(
    ("line", "solution", "anchor"),
    [
        ("535 Authentication failed", "Verify username and password", "auth"),
        ("Connection timeout", "Try port 2525 or 465", "connection"),
        ("550 Relay not permitted", "Verify your domain in the provider", "relay-denied"),
        ("Daily sending quota exceeded", "Wait 24hrs or upgrade the plan", "quota-exceeded"),
    ],
)
def test_the_four_common_errors_lead_to_their_solution(line: str, solution: str, anchor: str) -> None:
    told = help_for(judge(parse_reply(line)))
    assert solution in told.next_step
    assert told.guide == f"troubleshooting#{anchor}"


def test_a_rule_s_own_hint_is_the_next_step() -> None:
    verdict = judge(parse_reply("550 5.4.6 Unusual sending activity detected."))
    assert help_for(verdict).next_step == verdict.hint
    assert "resume the provider" in verdict.hint
