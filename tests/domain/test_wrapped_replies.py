"""What libraries and logs wrap around a server's reply is taken off, and the stage it names is kept."""

import pytest

from senddock.domain.reply import Stage, parse_reply


@pytest.mark.parametrize(
    ("line", "code", "enhanced", "text", "stage"),
    [
        ("550 5.1.1 No such user", 550, "5.1.1", "No such user", Stage.FINAL_DOT),
        ("smtp; 550 5.1.1 No such user", 550, "5.1.1", "No such user", Stage.FINAL_DOT),
        ("(535, b'5.7.8 Bad credentials')", 535, "5.7.8", "Bad credentials", Stage.FINAL_DOT),
        ("Invalid login: 535 5.7.8 Nope", 535, "5.7.8", "Nope", Stage.AUTH),
        ("SMTPRecipientsRefused: {'a@b.c': (550, b'5.1.1 Unknown')}", 550, "5.1.1", "Unknown", Stage.RCPT),
        ("host mx.b.c[192.0.2.1] said: 450 4.2.1 Busy (in reply to RCPT TO command)", 450, "4.2.1", None, Stage.RCPT),
        ("Mail command failed: 550 Sender verify failed", 550, None, "Sender verify failed", Stage.MAIL),
        ('Expected response code 250 but got code "550", with message "550 5.7.1 No"', 550, "5.7.1", "No", None),
        ("SMTP server error: DATA END command failed Detail: Too big SMTP code: 552", 552, None, "Too big", None),
        ("SMTP Error (550): Failed to set sender", 550, None, "Failed to set sender", None),
        ("Net::SMTPServerBusy: 451 try later", 451, None, "try later", None),
        ("sorry, no mailbox here by that name. (#5.1.1)", None, "5.1.1", None, None),
        ("4.7.1 Ratelimit exceeded (451)", 451, "4.7.1", None, None),
        ("connect ECONNREFUSED 10.0.0.1:587", None, None, "connect ECONNREFUSED 10.0.0.1:587", Stage.CONNECT),
        ("Could not connect to SMTP host: a.b, port: 465, response: -1", None, None, None, Stage.CONNECT),
        ("550 IP 5.7.1.100 is listed", 550, None, "IP 5.7.1.100 is listed", None),
        ("", None, None, "", None),
    ],
)
def test_the_reply_is_found_inside(
    line: str, code: int | None, enhanced: str | None, text: str | None, stage: Stage | None
) -> None:
    reply = parse_reply(line)
    assert (reply.code, reply.enhanced) == (code, enhanced)
    if text is not None:
        assert reply.text == text
    if stage is not None:
        assert reply.stage == stage


def test_a_stage_that_is_given_wins_over_the_wrapper() -> None:
    assert parse_reply("Invalid login: 535 no", Stage.EHLO).stage is Stage.EHLO
