"""Verdicts: observed lines, the pack's own examples, the documentation's four errors, and lines that are no replies."""

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from senddock.domain.reply import Reply, Stage, parse_reply, reply_of
from senddock.domain.rules import standard_rules
from senddock.domain.verdict import FailOver, Opens, VerdictClass, judge
from senddock.domain.verdict_class import CLASSES

with (Path(__file__).parent / "replies.tsv").open() as stream:
    OBSERVED = [
        (" ".join(part for part in (row["code"], row["enhanced"], row["text"]) if part), row["class"])
        for row in csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)
    ]


@pytest.mark.parametrize(("line", "expected"), OBSERVED)
def test_observed_lines_have_the_class_they_are_known_for(line: str, expected: str) -> None:
    assert judge(parse_reply(line)).cls == expected


@pytest.mark.parametrize("rule", standard_rules().rules, ids=lambda rule: rule.id)
def test_each_rule_decides_its_own_example(rule: object) -> None:
    verdict = judge(parse_reply(rule.example, rule.example_stage), provider=rule.provider)  # type: ignore[attr-defined]
    assert verdict.rule == rule.id  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("line", "cls", "words"),
    [
        ("535 Authentication failed", "auth", "Verify username and password"),
        ("Connection timeout", "connection", "Try port 2525 or 465"),
        ("550 Relay not permitted", "relay_denied", "Verify your domain in the provider"),
        ("Daily sending quota exceeded", "quota_exceeded", "Wait 24hrs or upgrade the plan"),
    ],
)
def test_the_four_common_errors_of_the_documentation_have_its_solutions(line: str, cls: str, words: str) -> None:
    verdict = judge(parse_reply(line))
    assert verdict.cls == cls
    assert words in verdict.hint


@pytest.mark.parametrize("cls", list(VerdictClass))
def test_every_class_says_what_happened_and_what_to_do(cls: VerdictClass) -> None:
    facts = CLASSES[cls]
    assert facts.title
    assert facts.hint.endswith(".")
    assert facts.guide


def test_a_dead_link_after_the_dot_is_uncertain_and_never_moves() -> None:
    verdict = judge(Reply(Stage.REPLY, None, None, "Connection reset by the server"))
    assert (verdict.cls, verdict.fail_over, verdict.opens) == (VerdictClass.UNCERTAIN, FailOver.NO, Opens.HALF)


@pytest.mark.parametrize("stage", [stage for stage in Stage if stage is not Stage.REPLY])
def test_a_dead_link_before_the_dot_moves_on(stage: Stage) -> None:
    verdict = judge(Reply(stage, None, None, "Connection reset by the server"))
    assert verdict.fail_over is FailOver.YES
    assert verdict.cls is (VerdictClass.AUTH if stage is Stage.AUTH else VerdictClass.CONNECTION)


def test_multi_line_replies_are_joined_without_their_codes() -> None:
    reply = reply_of(550, "5.1.1 The account does not exist.\n5.1.1 Check the address.", Stage.RCPT)
    assert (reply.enhanced, reply.text) == ("5.1.1", "The account does not exist. Check the address.")
    parsed = parse_reply("550-5.1.1 The account does not exist. 550 5.1.1 Check the address.")
    assert (parsed.code, parsed.enhanced, parsed.text) == (
        550,
        "5.1.1",
        "The account does not exist. Check the address.",
    )


def test_what_smtplib_raises_is_read() -> None:
    parsed = parse_reply("(535, b'5.7.8 Username and Password not accepted')")
    assert (parsed.code, parsed.enhanced) == (535, "5.7.8")


@given(st.text(max_size=300), st.sampled_from([None, *Stage]))
def test_whatever_a_server_says_has_a_verdict(text: str, stage: Stage | None) -> None:
    assert judge(parse_reply(text, stage)).hint
