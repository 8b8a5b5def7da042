"""Replies and library errors as people reported them: each has the class, and the decision, that it should have."""

import csv
from pathlib import Path

from senddock.domain.reply import Stage, parse_reply
from senddock.domain.verdict import FailOver, Verdict, VerdictClass, judge
from senddock.domain.verdict_class import CLASSES, ClassFacts

#: Those by which the rules were made, and the batches that were labelled before the rules met them (ADR 0042).
FILES = ("observed_replies", *(f"unseen_replies_{batch}" for batch in range(1, 9)))
ROWS: list[dict[str, str]] = []
for name in FILES:
    with (Path(__file__).parent / f"{name}.tsv").open(encoding="utf-8") as stream:
        ROWS += csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)
VERDICTS = [
    (row, judge(parse_reply(row["line"], Stage(row["stage"]) if row["stage"] else None), now=None)) for row in ROWS
]


def decision_of(facts: Verdict | ClassFacts) -> str:
    if facts.fail_over in (FailOver.YES, FailOver.ONCE):
        return "fail over"
    return "retry" if facts.retry else "give up"


def test_there_are_enough_of_them_for_a_percentage_to_mean_something() -> None:
    assert len(ROWS) > 1500
    assert {row["class"] for row in ROWS} >= set(CLASSES) - {
        VerdictClass.ACCEPTED,
        VerdictClass.UNCERTAIN,
        VerdictClass.UNKNOWN,
    }


def test_they_have_the_right_class() -> None:
    wrong = [(row["class"], verdict.cls, row["line"]) for row, verdict in VERDICTS if verdict.cls != row["class"]]
    assert wrong == []


def test_the_decision_is_that_of_the_class_except_where_an_address_is_blamed() -> None:
    wrong = [
        (row["line"], decision_of(verdict))
        for row, verdict in VERDICTS
        if decision_of(verdict) != decision_of(CLASSES[VerdictClass(row["class"])])
        and not (verdict.cls is VerdictClass.CONTENT_REJECTED and verdict.fail_over is FailOver.ONCE)
    ]
    assert wrong == []


def test_no_reply_of_a_recipient_s_server_about_its_mailbox_moves_to_another_provider() -> None:
    mailbox = (VerdictClass.RECIPIENT_PERMANENT, VerdictClass.RECIPIENT_TRANSIENT, VerdictClass.GREYLISTED)
    moved = [row["line"] for row, verdict in VERDICTS if verdict.cls in mailbox and verdict.fail_over != FailOver.NO]
    assert moved == []
