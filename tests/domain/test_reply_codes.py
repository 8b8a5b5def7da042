"""Replies without words: the class of every basic code by stage, and of every enhanced code, when nothing else is said."""

import pytest

from senddock.domain.reply import Reply, Stage
from senddock.domain.verdict import FailOver, VerdictClass, judge
from senddock.domain.verdict_class import CLASSES

#: One line a class: what it is called at the stages connect/greeting/EHLO, AUTH, MAIL, RCPT, and after the message.
BASIC = """
420 server_transient server_transient server_transient server_transient server_transient
421 server_transient server_transient server_transient server_transient server_transient
422 recipient_transient recipient_transient recipient_transient recipient_transient recipient_transient
426 connection connection connection connection connection
431 server_transient server_transient server_transient server_transient server_transient
432 auth auth auth auth auth
441 connection connection connection connection connection
450 server_transient server_transient sender_not_verified recipient_transient server_transient
451 server_transient server_transient server_transient server_transient server_transient
452 server_transient server_transient server_transient server_transient server_transient
454 server_transient server_transient server_transient server_transient server_transient
455 server_transient server_transient server_transient server_transient server_transient
500 server_transient server_transient server_transient server_transient server_transient
501 server_transient server_transient server_transient server_transient server_transient
502 server_transient auth server_transient server_transient server_transient
503 server_transient server_transient server_transient server_transient server_transient
504 server_transient auth server_transient server_transient server_transient
521 content_rejected auth content_rejected recipient_permanent content_rejected
525 recipient_permanent auth recipient_permanent recipient_permanent recipient_permanent
530 auth auth auth auth auth
534 auth auth auth auth auth
535 auth auth auth auth auth
538 tls auth tls tls tls
540 recipient_permanent auth recipient_permanent recipient_permanent recipient_permanent
541 content_rejected auth content_rejected content_rejected content_rejected
542 content_rejected auth content_rejected content_rejected content_rejected
550 content_rejected auth sender_not_verified recipient_permanent content_rejected
551 recipient_permanent auth recipient_permanent recipient_permanent recipient_permanent
552 message_too_large auth message_too_large message_too_large message_too_large
553 sender_not_verified auth sender_not_verified recipient_permanent sender_not_verified
554 content_rejected auth sender_not_verified relay_denied content_rejected
555 server_transient server_transient server_transient server_transient server_transient
556 content_rejected auth recipient_permanent recipient_permanent recipient_permanent
"""
STAGES = (Stage.GREETING, Stage.AUTH, Stage.MAIL, Stage.RCPT, Stage.FINAL_DOT)

#: 5.x.y and 4.x.y after the message, from the IANA registry (RFC 3463, 5248, 6710, 7293, 7372, 7505, 8689, 9228) and vendors.
ENHANCED = """
0.0 server_transient server_transient
1.1 recipient_permanent recipient_transient
1.2 recipient_permanent recipient_transient
1.3 recipient_permanent recipient_transient
1.4 recipient_permanent recipient_permanent
1.6 recipient_permanent recipient_permanent
1.7 sender_not_verified sender_not_verified
1.8 sender_not_verified sender_not_verified
1.9 recipient_permanent recipient_permanent
1.10 recipient_permanent recipient_transient
2.0 recipient_permanent recipient_transient
2.1 recipient_permanent recipient_transient
2.2 recipient_transient recipient_transient
2.3 message_too_large message_too_large
2.4 recipient_permanent recipient_transient
3.0 server_transient server_transient
3.1 server_transient server_transient
3.2 server_transient server_transient
3.3 content_rejected server_transient
3.4 message_too_large message_too_large
3.5 server_transient server_transient
4.0 connection connection
4.1 connection connection
4.2 connection connection
4.3 server_transient server_transient
4.4 recipient_permanent connection
4.5 server_transient server_transient
4.6 server_transient server_transient
4.7 server_transient connection
5.0 server_transient server_transient
5.1 server_transient server_transient
5.2 server_transient server_transient
5.3 rate_limited rate_limited
5.4 server_transient server_transient
5.5 server_transient server_transient
5.6 auth auth
6.0 content_rejected content_rejected
6.1 content_rejected content_rejected
6.2 content_rejected content_rejected
6.3 content_rejected content_rejected
6.4 content_rejected content_rejected
6.5 content_rejected content_rejected
6.6 content_rejected content_rejected
6.7 content_rejected content_rejected
6.8 content_rejected content_rejected
6.9 content_rejected content_rejected
6.10 content_rejected content_rejected
7.0 content_rejected server_transient
7.1 content_rejected server_transient
7.2 recipient_permanent recipient_permanent
7.3 auth tls
7.4 auth auth
7.5 tls tls
7.6 tls tls
7.7 tls tls
7.8 auth server_transient
7.9 content_rejected server_transient
7.10 tls tls
7.11 tls tls
7.12 auth auth
7.13 recipient_permanent recipient_permanent
7.14 auth auth
7.15 server_transient server_transient
7.16 message_too_large message_too_large
7.17 recipient_permanent recipient_permanent
7.18 recipient_permanent recipient_permanent
7.19 recipient_transient recipient_transient
7.20 content_rejected content_rejected
7.21 content_rejected content_rejected
7.22 content_rejected content_rejected
7.23 content_rejected content_rejected
7.24 content_rejected content_rejected
7.25 content_rejected content_rejected
7.26 content_rejected content_rejected
7.27 sender_not_verified sender_not_verified
7.28 rate_limited rate_limited
7.29 content_rejected content_rejected
7.30 tls tls
7.32 content_rejected server_transient
7.57 auth auth
7.139 auth auth
7.501 content_rejected server_transient
7.504 recipient_permanent recipient_permanent
7.505 recipient_permanent recipient_permanent
7.515 content_rejected server_transient
7.606 content_rejected rate_limited
7.650 content_rejected rate_limited
7.651 content_rejected rate_limited
7.750 sender_not_verified sender_not_verified
"""


@pytest.mark.parametrize("row", BASIC.strip().split("\n"), ids=lambda row: row[:3])
def test_a_basic_code_alone(row: str) -> None:
    code, *classes = row.split()
    assert [judge(Reply(stage, int(code), None, "")).cls for stage in STAGES] == classes


@pytest.mark.parametrize("row", ENHANCED.strip().split("\n"), ids=lambda row: row.split()[0])
def test_an_enhanced_code_with_no_words_of_its_own(row: str) -> None:
    code, permanent, transient = row.split()
    found = [
        judge(Reply(Stage.FINAL_DOT, basic, f"{group}.{code}", "")).cls for group, basic in (("5", 550), ("4", 450))
    ]
    assert found == [permanent, transient]


def test_every_refusal_has_a_class_with_advice() -> None:
    for stage in set(Stage) - {Stage.REPLY}:
        for code in range(400, 600):
            verdict = judge(Reply(stage, code, None, ""))
            assert verdict.hint
            assert code >= 500 or verdict.cls is not VerdictClass.UNKNOWN


@pytest.mark.parametrize("stage", [Stage.CONNECT, Stage.GREETING, Stage.EHLO])
def test_a_server_that_refuses_before_it_knows_who_we_are_costs_no_message(stage: Stage) -> None:
    verdict = judge(Reply(stage, 554, "5.7.1", "No SMTP service here"))
    assert (verdict.cls, verdict.fail_over) == (VerdictClass.CONTENT_REJECTED, FailOver.ONCE)


def test_a_refused_starttls_is_about_encryption() -> None:
    assert judge(Reply(Stage.TLS, 454, None, "")).cls is VerdictClass.TLS


def test_a_single_word_yields_to_an_enhanced_code_that_names_a_cause() -> None:
    assert judge(Reply(Stage.FINAL_DOT, 550, "5.6.1", "User")).cls is VerdictClass.CONTENT_REJECTED
    assert judge(Reply(Stage.FINAL_DOT, 550, "5.7.1", "User")).cls is VerdictClass.RECIPIENT_PERMANENT
    assert set(CLASSES) == set(VerdictClass)
