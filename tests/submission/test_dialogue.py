"""What the door says, command by command, and that it stores nothing it refused."""

import base64
import smtplib
import ssl
from collections.abc import Callable

import pytest
import trustme

from senddock.submission.admission import Limits
from tests.submission.running import RunningDoor

MESSAGE = b"From: Us <us@example.com>\r\nTo: ana@example.org\r\nSubject: Hi\r\n\r\nHello\r\n"


def test_the_reply_to_the_final_dot_names_the_stored_message(door: RunningDoor) -> None:
    wire = door.raw().sign_in(door.token).envelope()
    reply = wire.ask(MESSAGE + b".")
    (stored,) = door.messages()
    assert reply == f"250 2.0.0 Ok: queued as {stored.id}"
    assert (stored.via, stored.subject, stored.sender, stored.state) == ("smtp", "Hi", "us@example.com", "queued")
    assert wire.ask("QUIT") == "221 2.0.0 Bye"
    assert wire.over()


def test_what_is_offered_depends_on_tls(door: RunningDoor, open_door: Callable[..., RunningDoor]) -> None:
    offered = door.raw().ask("EHLO client.test")
    for line in (
        "PIPELINING",
        "SIZE 41943040",
        "8BITMIME",
        "SMTPUTF8",
        "STARTTLS",
        "AUTH PLAIN LOGIN",
        "ENHANCEDSTATUSCODES",
    ):
        assert f"-{line}" in offered.replace("250 ", "250-"), line
    bare = open_door()
    assert "STARTTLS" not in bare.raw().ask("EHLO client.test")
    assert bare.raw().ask("STARTTLS").startswith("454 4.7.0")


def test_starttls_forgets_what_came_before_and_what_was_slipped_in(door: RunningDoor, authority: trustme.CA) -> None:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    wire = door.raw().sign_in(door.token)
    # A command in the same packet was not encrypted: it must not be obeyed after the handshake (CVE-2011-0411).
    assert wire.ask("STARTTLS\r\nMAIL FROM:<evil@example.com>") == "220 2.0.0 Go ahead"
    wire.start_tls(context)
    assert wire.ask("MAIL FROM:<us@example.com>").startswith("503"), "EHLO has to be said again"
    assert "STARTTLS" not in wire.ask("EHLO client.test")
    assert wire.ask("MAIL FROM:<us@example.com>").startswith("530"), "and so has the key"
    wire.sign_in(door.token).envelope()
    assert wire.ask(MESSAGE + b".").startswith("250 2.0.0 Ok: queued as ")


def test_a_key_must_not_travel_readable_between_machines(
    open_door: Callable[..., RunningDoor], server_tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    from senddock.submission import dialogue

    # From elsewhere than loopback; the suite has no second machine.
    monkeypatch.setattr(dialogue, "is_loopback", lambda _: False)
    wire = open_door(tls=server_tls).raw()
    assert "AUTH" not in wire.ask("EHLO client.test")
    assert wire.ask("AUTH PLAIN AHgAeQ==").startswith("538 5.7.11")
    assert (
        wire.ask("MAIL FROM:<us@example.com>") == "530 5.7.0 Sign in first after STARTTLS: the password is an API key"
    )


@pytest.mark.parametrize(
    "mechanism", ["PLAIN", "plain", "PLAIN in two steps", "LOGIN", "login with a name", "empty name"]
)
def test_every_way_of_signing_in_works(door: RunningDoor, mechanism: str) -> None:
    wire = door.raw()
    wire.ask("EHLO client.test")
    name, token = (base64.b64encode(text.encode()).decode() for text in ("resend", door.token))
    plain = base64.b64encode(f"\0resend\0{door.token}".encode()).decode()
    if mechanism in ("PLAIN", "plain"):
        reply = wire.ask(f"AUTH {mechanism} {plain}")
    elif mechanism == "PLAIN in two steps":
        assert wire.ask("AUTH PLAIN") == "334 "
        reply = wire.ask(plain)
    elif mechanism == "login with a name":
        assert wire.ask(f"auth login {name}") == "334 UGFzc3dvcmQ6"
        reply = wire.ask(token)
    else:
        # Strict clients compare these word for word.
        assert wire.ask("AUTH LOGIN") == "334 VXNlcm5hbWU6"
        assert wire.ask("=" if mechanism == "empty name" else name) == "334 UGFzc3dvcmQ6"
        reply = wire.ask(token)
    assert reply == "235 2.7.0 Signed in"
    wire.envelope()
    assert wire.ask(MESSAGE + b".").startswith("250")


@pytest.mark.parametrize(
    ("commands", "code"),
    [
        (["MAIL FROM:<a@b.de>"], "503 5.5.1"),
        (["EHLO x", "MAIL FROM:<a@b.de>"], "530 5.7.0"),
        (["EHLO x", "AUTH CRAM-MD5"], "504 5.5.4"),
        (["EHLO x", "AUTH PLAIN", "*"], "501 5.7.0"),
        (["EHLO x", "AUTH PLAIN !!!"], "501 5.5.2"),
        (["EHLO x", "AUTH PLAIN AHgAbm90LWEta2V5"], "535 5.7.8"),
        (["EHLO"], "501 5.5.4"),
        (["FROBNICATE"], "500 5.5.2"),
        (["ETRN x"], "502 5.5.1"),
        (["VRFY ana"], "252 2.1.5"),
        (["noop"], "250 2.0.0"),
        (["GET / HTTP/1.1"], "421 4.7.0"),
        (["X" * 100_000], "500 5.5.2"),
        (["\xff\xfe".encode("latin-1").decode("latin-1")], "500 5.5.2"),
    ],
)  # fmt: skip
def test_commands_out_of_place_are_answered_with_their_code(door: RunningDoor, commands: list[str], code: str) -> None:
    wire = door.raw()
    reply = ""
    for command in commands:
        reply = wire.ask(command)
    assert reply.startswith(code), reply


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("MAIL FROM:us@example.com", "553 5.1.7"),
        ("MAIL FROM:<us>", "553 5.1.7"),
        ("MAIL TO:<us@example.com>", "501 5.5.4"),
        ("MAIL FROM:<us@example.com> SIZE=99999999", "552 5.3.4"),
        ("MAIL FROM:<us@example.com> SIZE=abc", "501 5.5.4"),
        ("MAIL FROM:<us@example.com> SIZE=\u00b2", "501 5.5.4"),
        ("MAIL FROM:<us@example.com> SIZE=" + "9" * 5000, "501 5.5.4"),
        ("MAIL FROM:<us@[IPv6:nonsense]>", "553 5.1.7"),
        ("MAIL FROM:<us@example.com\u200b>", "553 5.1.7"),
        ("MAIL FROM:<us@example.com> FOO=1", "555 5.5.4"),
        ("mail from: <us@example.com> size=100 body=8bitmime smtputf8 auth=<> ret=HDRS envid=x", "250 2.1.0"),
        ("MAIL FROM:<>", "250 2.1.0"),
        ("RCPT TO:<ana@example.org>", "503 5.5.1"),
        ("DATA", "503 5.5.1"),
    ],
)  # fmt: skip
def test_mail_is_read_by_the_book(door: RunningDoor, command: str, code: str) -> None:
    assert door.raw().sign_in(door.token).ask(command).startswith(code)


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("RCPT TO:<postmaster>", "553 5.1.3"),
        ("RCPT TO:ana@example.org", "553 5.1.3"),
        ("RCPT TO:<@relay.example:ana@example.org>", "553 5.1.3"),
        ("RCPT TO:<>", "553 5.1.3"),
        ('RCPT TO:<"a b"@example.org> NOTIFY=NEVER ORCPT=rfc822;x', "250 2.1.5"),
        ("RCPT TO:<ana@example.org> FOO", "555 5.5.4"),
        ("DATA", "554 5.5.1"),
        ("MAIL FROM:<again@example.com>", "503 5.5.1"),
        ("AUTH PLAIN AHgAeQ==", "503 5.5.1"),
    ],
)  # fmt: skip
def test_recipients_are_read_by_the_book(door: RunningDoor, command: str, code: str) -> None:
    wire = door.raw().sign_in(door.token)
    wire.ask("MAIL FROM:<us@example.com>")
    assert wire.ask(command).startswith(code)


def test_a_recipient_may_stand_at_an_address_instead_of_a_name(door: RunningDoor) -> None:
    wire = door.raw().sign_in(door.token)
    wire.ask("MAIL FROM:<us@[IPv6:2001:DB8::1]>")
    assert wire.ask("RCPT TO:<ana@[ipv6:2001:db8::2]>").startswith("250")
    wire.ask("DATA")
    assert wire.ask(MESSAGE + b".").startswith("250 2.0.0 Ok: queued as ")
    assert [stored.sender for stored in door.messages()] == ["us@[IPv6:2001:db8::1]"]


def test_a_pipelined_client_gets_its_answers_in_order(door: RunningDoor) -> None:
    wire = door.raw().sign_in(door.token)
    wire.send("MAIL FROM:<us@example.com>\r\nRCPT TO:<a@example.org>\r\nRCPT TO:<bad>\r\nDATA")
    assert [wire.reply()[:3] for _ in range(4)] == ["250", "250", "553", "354"]
    wire.send(MESSAGE + b".\r\nMAIL FROM:<us@example.com>\r\nRSET\r\nNOOP\r\nQUIT")
    assert [wire.reply()[:3] for _ in range(5)] == ["250", "250", "250", "250", "221"]
    assert len(door.messages()) == 1


def test_120_recipients_are_one_message_and_too_many_are_none(open_door: Callable[..., RunningDoor]) -> None:
    door = open_door(limits=Limits(recipients=120))
    everybody = [f"person{number}@example.org" for number in range(120)]
    door.send(MESSAGE, everybody)
    (stored,) = door.messages()
    assert door.recipients(stored.id) == everybody
    # One more: the client hears it for the recipient, and again for the whole, so that nobody is left out silently.
    with door.client() as client, pytest.raises(smtplib.SMTPDataError) as refused:
        client.sendmail("us@example.com", [*everybody, "one-more@example.org"], MESSAGE)
    assert refused.value.smtp_code == 554
    assert len(door.messages()) == 1


def test_a_message_over_the_limit_is_refused_and_the_session_goes_on(open_door: Callable[..., RunningDoor]) -> None:
    door = open_door(limits=Limits(message=20_000))
    wire = door.raw().sign_in(door.token).envelope()
    assert wire.ask(MESSAGE + b"x" * 30_000 + b"\r\n.") == "552 5.3.4 A message may have 20000 octets"
    wire.envelope()
    assert wire.ask(MESSAGE + b".").startswith("250")
    endless = door.raw().sign_in(door.token).envelope()
    endless.send(b"x" * 90_000)
    assert endless.reply().startswith("552 5.3.4"), "who sends for ever is not listened to for ever"
    assert len(door.messages()) == 1


def test_guessing_is_slowed_and_cut_off(door: RunningDoor) -> None:
    wire = door.raw()
    wire.ask("EHLO client.test")
    wrong = base64.b64encode(b"\0x\0sd_wrong").decode()
    assert [wire.ask(f"AUTH PLAIN {wrong}")[:9] for _ in range(3)] == ["535 5.7.8", "535 5.7.8", "421 4.7.0"]
    assert wire.over()


def test_who_only_makes_errors_is_sent_away(door: RunningDoor) -> None:
    wire = door.raw()
    replies = [wire.ask("FROB")[:3] for _ in range(20)]
    assert (set(replies[:-1]), replies[-1]) == ({"500"}, "421")
    assert wire.over()


def test_one_address_may_not_take_all_connections(
    open_door: Callable[..., RunningDoor], monkeypatch: pytest.MonkeyPatch
) -> None:
    from senddock.submission import admission

    monkeypatch.setattr(admission, "is_loopback", lambda _: False)
    door = open_door(limits=Limits(per_address=2))
    held = [door.raw(), door.raw()]
    for _ in range(2):
        refused = door.raw()
        assert refused.greeting == "421 4.7.0 Too many connections from this address"
        assert refused.over()
    assert held[0].ask("QUIT").startswith("221")
    # The door counts a connection off before it closes the socket.
    assert held[0].over()
    assert door.raw().greeting.startswith("220"), "leaving frees a place"
    assert door.raw().greeting.startswith("421 4.7.0"), "one place"
    assert held[1].ask("NOOP").startswith("250")


def test_a_full_house_gives_up_the_idlest_stranger(open_door: Callable[..., RunningDoor]) -> None:
    door = open_door(limits=Limits(connections=3))
    known = door.raw().sign_in(door.token)
    strangers = [door.raw(), door.raw()]
    assert door.raw().greeting.startswith("220")
    assert strangers[0].reply().startswith("421 4.3.2")
    assert known.ask("NOOP").startswith("250")
    assert strangers[1].ask("NOOP").startswith("250")
