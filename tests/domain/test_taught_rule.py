"""Rules that operators teach: words with stars, found in order, in a time that no text can blow up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from senddock.domain.reply import parse_reply
from senddock.domain.rules import standard_rules
from senddock.domain.taught_rule import BadPattern, rule_of, suggestion, wildcards
from senddock.domain.verdict import judge
from senddock.domain.verdict_class import VerdictClass


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        ("mail quota * reached", "550 Mail Quota of 12 messages REACHED today", True),
        ("mail quota * reached", "550 reached the mail quota", False),
        ("no entry here", "554 No  entry here", False),
        ("a.c+(d)*e literal", "xa.c+(d) and e literal", True),
        ("a.c+(d)*e literal", "abc+(d) e literal", False),
    ],
)
def test_the_words_are_found_in_their_order(pattern: str, text: str, fits: bool) -> None:
    assert wildcards(pattern).search(text) is fits


@pytest.mark.parametrize("pattern", ["", "*", "***", "ab*c", "x" * 201, "aa*bb*cc*dd*ee*ff*gg*hh"])
def test_words_that_are_too_few_too_many_or_too_vague_are_refused(pattern: str) -> None:
    with pytest.raises(BadPattern, match=r"[a-z]\.$|everything\.$|stars\.$|enough\.$"):
        wildcards(pattern)


@given(st.text(max_size=200), st.text(max_size=400))
def test_any_words_on_any_text_answer_and_never_raise_anything_else(pattern: str, text: str) -> None:
    try:
        matcher = wildcards(pattern)
    except BadPattern:
        return
    assert matcher.search(text) in (True, False)


def test_a_taught_rule_is_asked_before_those_of_the_product() -> None:
    reply = parse_reply("550 5.7.1 Relaying denied: your plan does not include this domain")
    taught = rule_of(
        7, "plan does not include", VerdictClass.QUOTA_EXCEEDED, None, "Buy the domain option.", pause=False
    )
    assert judge(reply).cls is VerdictClass.RELAY_DENIED
    verdict = judge(reply, rules=standard_rules().after([taught]))
    assert (verdict.cls, verdict.rule, verdict.hint) == (
        VerdictClass.QUOTA_EXCEEDED,
        "taught-7",
        "Buy the domain option.",
    )


def test_a_rule_for_one_provider_leaves_the_others_alone() -> None:
    reply = parse_reply("550 strange words indeed")
    pack = standard_rules().after([rule_of(1, "strange words", VerdictClass.AUTH, "ses", None, pause=False)])
    assert judge(reply, provider="ses", rules=pack).cls is VerdictClass.AUTH
    assert judge(reply, provider="resend", rules=pack).cls is not VerdictClass.AUTH


def test_a_suggestion_puts_stars_where_the_next_reply_will_differ() -> None:
    text = "Rejected <ana@acme.com> from [192.0.2.9] id 4Wy9rT58Rpz: our policy 17 forbids it, see https://a.example/x"
    words = suggestion(text)
    assert "ana@" not in words
    assert "192.0.2.9" not in words
    assert "policy * forbids it" in words
    assert wildcards(words).search(text.replace("17", "18"))
