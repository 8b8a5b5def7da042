"""What the rule pack reads of a reply, and how it asks many patterns cheaply."""

import importlib.resources
import re
import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from senddock.domain.alternatives import Alternatives, needed_letters
from senddock.domain.reply import Reply, Stage, parse_reply
from senddock.domain.rules import standard_rules
from senddock.domain.wording import words_of


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("550 5.1.1 <Spam.Full@Relay.example.com>: User unknown", "550 5.1.1 <@>: user unknown"),
        ("554 See https://example.com/policy/spam for help", "554 see for help"),
        ("421 mx7.quota.example.com Service unavailable", "421 service unavailable"),
        ("554 Listed at zen.spamhaus.org", "554 listed at zen.spamhaus.org"),
        ("554 5.2.2 STOREDRV.Submission.Exception:Quota", "554 5.2.2 storedrv.submission.exception:quota"),
        ("550 5.7.1 Access denied (in reply to MAIL FROM command)", "550 5.7.1 access denied"),
    ],
)
def test_mailboxes_links_hosts_and_the_log_s_own_words_are_gone(line: str, words: str) -> None:
    assert words_of(parse_reply(line)).strip() == words


def test_a_very_long_reply_is_read_to_a_point() -> None:
    assert len(words_of(Reply(Stage.FINAL_DOT, 550, None, "x " * 100_000))) <= 2000


@pytest.mark.parametrize(
    ("pattern", "letters"),
    [
        ("mailbox full", ("mailbox full",)),
        (r"\bquota\b.{0,10}exceeded", ("exceeded",)),
        ("(over|above) quota", (" quota",)),
        ("blocked|banned", ("blocked", "banned")),
        ("gr[ae]y.?list", ("list",)),
        (r"\d+ hops", (" hops",)),
        ("(a|b)?", ()),
        ("colou?r", ("colo",)),
    ],
)
def test_the_letters_that_a_pattern_cannot_do_without(pattern: str, letters: tuple[str, ...]) -> None:
    assert needed_letters(pattern) == letters


def _patterns() -> list[str]:
    text = importlib.resources.files("senddock.domain.catalogue").joinpath("replies.toml").read_text("utf-8")
    tables = tomllib.loads(text)["rule"]
    blocks = [table[key] for table in tables for key in ("pattern", "unless") if key in table]
    return sorted({line for block in blocks for line in block.split("\n") if line})


PATTERNS = _patterns()
_ASKED = {pattern: Alternatives([pattern]) for pattern in PATTERNS}
EXAMPLES = [words_of(parse_reply(rule.example, rule.example_stage)) for rule in standard_rules().rules]


def test_every_pattern_is_in_small_letters_and_can_be_read() -> None:
    assert [pattern for pattern in PATTERNS if re.sub(r"\\.", "", pattern) != re.sub(r"\\.", "", pattern).lower()] == []


@pytest.mark.parametrize("text", EXAMPLES)
def test_asking_only_where_the_letters_are_misses_nothing(text: str) -> None:
    for pattern in PATTERNS:
        assert _ASKED[pattern].search(text) == (re.search(pattern, text) is not None), pattern


@settings(max_examples=10, deadline=None)
@given(st.lists(st.sampled_from(sorted({word for text in EXAMPLES for word in text.split()})), max_size=12))
def test_nor_in_words_put_together_by_chance(words: list[str]) -> None:
    text = " ".join(words)
    found = {pattern for pattern in PATTERNS if re.search(pattern, text)}
    assert {pattern for pattern in PATTERNS if _ASKED[pattern].search(text)} == found
