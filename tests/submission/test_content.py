"""What the door does to a message: line ends, Bcc and control fields, and not one byte more."""

import quopri
import smtplib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from senddock.dispatch import keys, streams
from tests.submission.running import RunningDoor

HEAD = (
    b"From: Us <us@example.com>\r\nTo: ana@example.org\r\nSubject: Hi\r\nDate: Wed, 25 Nov 2026 10:00:00 +0000\r\n"
    b"Message-ID: <1@example.com>\r\n"
)


def _stored(door: RunningDoor) -> bytes:
    return bytes(door.content(door.messages()[-1].id).raw)


def test_a_header_line_that_no_server_takes_is_folded_or_refused_in_words(door: RunningDoor) -> None:
    with pytest.raises(smtplib.SMTPDataError, match="subject has a line of 2001 characters"):
        door.send(b"From: Us <us@example.com>\r\nSubject: " + b"x" * 2000 + b"\r\n\r\nHello\r\n")
    assert door.messages() == []
    door.send(HEAD + b"References:" + b" <1@example.com>" * 100 + b"\r\n\r\nHello\r\n")
    assert max(map(len, _stored(door).split(b"\r\n"))) <= 998
    assert _stored(door).replace(b"\r\n", b"").count(b" <1@example.com>") == 101


@pytest.mark.parametrize(
    "body",
    [
        b"Hello\r\n",
        b".one\r\n..two\r\n...\r\n",
        b"\r\n\r\n\r\n",
        "Grüße \u2713\r\n".encode(),
        b"x" * 998 + b"\r\n" + b"y" * 998 + b"\r\n",
        b"\x00\x01\x80\xff binary\r\n",
        b"trailing space \t \r\n\r\n",
        b"Content-Type: text/plain\r\n\r\n--b\r\nBcc: in the body stays\r\nX-SendDock-Tag: too\r\n--b--\r\n",
    ],
)  # fmt: skip
def test_every_byte_of_a_body_stays(door: RunningDoor, body: bytes) -> None:
    door.send(HEAD + b"\r\n" + body)
    assert _stored(door) == HEAD + b"\r\n" + body


def test_a_line_of_100_kb_is_the_same_text_in_lines_that_every_server_takes(door: RunningDoor) -> None:
    body = b"x" * 100_000 + b"\r\n.y\r\n"
    door.send(HEAD + b"\r\n" + body)
    stored = _stored(door)
    assert max(map(len, stored.split(b"\r\n"))) <= 998
    assert quopri.decodestring(stored.partition(b"\r\n\r\n")[2]) == body


def test_line_ends_become_crlf_and_nothing_can_be_smuggled(door: RunningDoor) -> None:
    wire = door.raw().sign_in(door.token).envelope()
    for ending in (b"\n.\n", b"\r.\r", b"\n.\r\n", b"\r\n.\n", b"\r\n.\r", b"\r\n\x00.\r\n", b"\r.\r\n"):
        wire.sock.sendall(
            HEAD + b"\r\nbefore" + ending + b"MAIL FROM:<evil@example.com>\r\nRCPT TO:<x@example.org>\r\nDATA\r\n"
        )
    reply = wire.ask(b"\r\n.")
    assert reply.startswith("250 2.0.0 Ok: queued as ")
    assert wire.ask("NOOP") == "250 2.0.0 Ok", "nothing in between was a command"
    assert len(door.messages()) == 1
    raw = _stored(door)
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert b"\r" not in raw.replace(b"\r\n", b"")


def test_bcc_and_control_fields_do_not_travel_on(door: RunningDoor) -> None:
    secret = (
        b"Bcc: eve@example.org,\r\n\tmallory@example.org\r\nX-SendDock-Stream: marketing\r\n"
        b"X-SENDDOCK-TAG: campaign=autumn, lone\r\nX-SendDock-Tag: second=2\r\nResend-Idempotency-Key: k1\r\n"
    )
    door.send(HEAD + secret + b"X-Mine: stays\r\n\r\nHello\r\n", ["ana@example.org", "eve@example.org"])
    (stored,) = door.messages()
    assert _stored(door) == HEAD + b"X-Mine: stays\r\n\r\nHello\r\n"
    meta = door.content(stored.id).meta
    assert (meta["to"], meta["bcc"]) == (["ana@example.org"], ["eve@example.org"])
    assert meta["tags"] == [
        {"name": "campaign", "value": "autumn"}, {"name": "lone", "value": ""}, {"name": "second", "value": "2"},
    ]  # fmt: skip


def test_what_is_missing_is_added_in_front(door: RunningDoor) -> None:
    door.send(b"From: us@example.com\r\nSubject: Hi\r\n\r\nHello\r\n")
    (stored,) = door.messages()
    raw = _stored(door)
    assert raw.endswith(b"From: us@example.com\r\nSubject: Hi\r\n\r\nHello\r\n")
    assert stored.header_message_id.endswith("@example.com>")
    assert f"Message-ID: {stored.header_message_id}\r\n".encode() in raw
    assert b"\r\nDate: " in raw


def test_text_without_a_header_becomes_a_body(door: RunningDoor) -> None:
    door.send(b"Just some words: not a header field, see\r\nsecond line\r\n")
    assert _stored(door).endswith(b"\r\n\r\nJust some words: not a header field, see\r\nsecond line\r\n")


def test_a_message_is_scheduled_by_its_header(door: RunningDoor) -> None:
    door.send(HEAD + b"X-SendDock-Send-At: in 2 hours\r\n\r\nLater\r\n")
    (stored,) = door.messages()
    assert stored.state == "scheduled"
    assert stored.due_at is not None
    assert timedelta(minutes=118) < stored.due_at - datetime.now(UTC) < timedelta(minutes=121)


@pytest.mark.parametrize(
    ("field", "words"),
    [
        (b"X-SendDock-Send-At: next blue moon", "neither ISO 8601"),
        (b"X-SendDock-Send-At: in 31 days", "at most 30 days"),
        (b"X-SendDock-Stream: nowhere", "there are: marketing, transactional"),
        (b"X-SendDock-Tag: a b=c", "is not name=value"),
        (b"Resend-Idempotency-Key: ", "1 to 256"),
    ],
)  # fmt: skip
def test_a_wish_that_cannot_be_granted_is_refused_not_dropped(door: RunningDoor, field: bytes, words: str) -> None:
    with door.client() as client, pytest.raises(smtplib.SMTPDataError, match=words) as refused:
        client.sendmail("us@example.com", ["ana@example.org"], HEAD + field + b"\r\n\r\nx\r\n")
    assert refused.value.smtp_code == 554
    assert door.messages() == []


def test_the_same_idempotency_key_stores_one_message(door: RunningDoor) -> None:
    def hand_over(subject: bytes, boundary: bytes) -> str:
        wire = door.raw().sign_in(door.token).envelope()
        head = b"From: us@example.com\r\nSubject: " + subject + b"\r\nResend-Idempotency-Key: order-7\r\n"
        return wire.ask(head + b"\r\n--" + boundary + b"\r\n.")

    first = hand_over(b"Order 7", b"abc")
    # A program that tries again writes new dates and boundaries; it is the same message all the same.
    assert hand_over(b"Order 7", b"xyz") == first
    assert hand_over(b"Order 8", b"abc").startswith("554 5.6.0 This Resend-Idempotency-Key was used before")
    assert len(door.messages()) == 1


@pytest.mark.parametrize(
    ("username", "header", "expected"),
    [
        ("resend", None, "transactional"),
        ("", None, "transactional"),
        ("marketing", None, "marketing"),
        ("anything at all", None, "transactional"),
        ("marketing", "receipts", "receipts"),
        ("resend", "marketing", "marketing"),
    ],
)
def test_the_stream_follows_header_then_user_name(
    door: RunningDoor, username: str, header: str | None, expected: str
) -> None:
    streams.add_stream(door.database, "receipts", "transactional", None)
    field = f"X-SendDock-Stream: {header}\r\n".encode() if header else b""
    with door.client(username=username) as client:
        client.sendmail("us@example.com", ["ana@example.org"], HEAD + field + b"\r\nx\r\n")
    names = {row["id"]: row["name"] for row in streams.all_streams(door.database)}
    assert names[door.messages()[0].stream_id] == expected


def test_the_rules_of_a_key_hold_here_too(door: RunningDoor) -> None:
    _, own = keys.create(door.database, "shop", streams=["marketing"], from_domains=["shop.example"])
    good = HEAD.replace(b"us@example.com", b"us@shop.example")
    with door.client(own, "transactional") as client:
        client.sendmail("us@shop.example", ["ana@example.org"], good + b"\r\nx\r\n")
        for sender, data, words in (
            ("us@example.com", good, "may not send from example.com"),
            ("us@shop.example", HEAD, "may not send from example.com"),
            ("us@shop.example", good + b"X-SendDock-Stream: transactional\r\n", "may not use the stream"),
        ):
            with pytest.raises(smtplib.SMTPDataError, match=words) as refused:
                client.sendmail(sender, ["ana@example.org"], data + b"\r\nx\r\n")
            assert refused.value.smtp_code == 550
    (stored,) = door.messages()
    names = {row["id"]: row["name"] for row in streams.all_streams(door.database)}
    assert names[stored.stream_id] == "marketing", "the key's stream, whatever the user name says"


def test_keys_that_are_no_good_are_refused(door: RunningDoor) -> None:
    made, revoked = keys.create(door.database, "old")
    keys.revoke(door.database, made.id)
    _, elsewhere = keys.create(door.database, "office", networks=["203.0.113.0/24"])
    for token in ("re_unknown", revoked, elsewhere):
        with pytest.raises(smtplib.SMTPAuthenticationError) as refused, door.client(token):
            pass
        assert refused.value.smtp_code == 535


def test_a_key_that_is_revoked_ends_its_open_sessions(door: RunningDoor, monkeypatch: pytest.MonkeyPatch) -> None:
    from senddock.dispatch import keys as keyring
    from senddock.submission import authentication

    monkeypatch.setattr(authentication, "BELIEVED", 0.0)
    monkeypatch.setattr(keyring, "_REMEMBERED", 0.0)
    made, token = keys.create(door.database, "shop")
    wire = door.raw().sign_in(token)
    assert wire.ask("MAIL FROM:<us@example.com>").startswith("250")
    wire.ask("RSET")
    keys.revoke(door.database, made.id)
    assert wire.ask("MAIL FROM:<us@example.com>").startswith("530 5.7.0")


def test_smtputf8_is_decided_by_the_addresses(door: RunningDoor, open_door: Callable[..., RunningDoor]) -> None:
    wire = door.raw().sign_in(door.token)
    for sender, recipient in (("us@example.com", "ana@example.org"), ("üs@example.com", "ana@bücher.example")):
        assert wire.ask(f"MAIL FROM:<{sender}> SMTPUTF8 BODY=8BITMIME").startswith("250")
        assert wire.ask(f"RCPT TO:<{recipient}>").startswith("250")
        wire.ask("DATA")
        assert wire.ask(HEAD + b"\r\nx\r\n.").startswith("250")
    assert [row.needs_smtputf8 for row in door.messages()] == [False, True]


def test_what_is_said_about_a_from_stands_in_the_log(door: RunningDoor) -> None:
    door.send(HEAD.replace(b"Us <us@example.com>", b"No Reply <DoNotReply@example.com>") + b"\r\nx\r\n")
    door.send(HEAD + b"\r\nx\r\n")
    said = [[remark["name"] for remark in door.content(row.id).meta["warnings"]] for row in door.messages()[-2:]]
    assert said == [["no_provider", "from_no_reply", "from_name"], ["no_provider"]]
