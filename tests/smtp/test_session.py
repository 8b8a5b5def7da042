"""One session on the wire: TLS, sign-in, pipelining, sizes; against a real server with a real certificate."""

import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme

from senddock.domain.reply import Stage
from senddock.domain.verdict import VerdictClass, judge
from senddock.smtp.fault import WireFault
from senddock.smtp.pool import Pool
from senddock.smtp.probe import probe
from senddock.smtp.session import Outgoing, Session
from senddock.smtp.target import Target, Timeouts
from tests.smtp_server import ScriptedSMTP, blackhole, closed_port, garbage, reply

Servers = Callable[..., ScriptedSMTP]
MAIL = Outgoing("us@example.com", ("ana@example.org",), b"Subject: x\r\n\r\nHello\r\n", 21)
SHORT = Timeouts(connect=0.5, tls=1, session=1, envelope=1, data=1, final_dot=1)


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> str:
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    return str(tmp_path / "ca.pem")


def send(session: Session, mail: Outgoing = MAIL) -> object:
    session.wait(session.begin(mail))
    assert session.wait(session.opening(mail)).ready
    session.wait(session.body(mail))
    session.wait(session.finish())
    return session.wait(session.outcome())


@pytest.mark.parametrize("encryption", ["starttls", "ssl"])
@pytest.mark.parametrize("mechanisms", ["PLAIN", "LOGIN", "LOGIN PLAIN"])
def test_it_signs_in_over_tls(
    smtp_server: Servers, server_tls: ssl.SSLContext, ca_file: str, encryption: str, mechanisms: str
) -> None:
    server = smtp_server(tls=encryption, context=server_tls, users={"ümläut": "pässword"}, mechanisms=mechanisms)
    session = Session.open(
        Target("localhost", server.port, encryption, "ümläut", "pässword", timeouts=SHORT, ca_file=ca_file)
    )
    send(session)
    session.wait(session.quit())
    (taken,) = server.wait_for(1)
    assert (taken.tls, taken.user) == (True, "ümläut")
    assert session.tls is not None
    assert session.tls.startswith("TLSv1.")


@pytest.mark.parametrize("encryption", ["starttls", "ssl"])
def test_a_certificate_of_an_unknown_authority_is_refused(
    smtp_server: Servers, server_tls: ssl.SSLContext, encryption: str
) -> None:
    server = smtp_server(tls=encryption, context=server_tls)
    with pytest.raises(WireFault) as caught:
        Session.open(Target("localhost", server.port, encryption, timeouts=SHORT))
    assert caught.value.reply.stage is Stage.TLS
    assert judge(caught.value.reply).cls is VerdictClass.TLS


def test_mail_never_travels_in_the_clear_when_starttls_is_not_offered(smtp_server: Servers) -> None:
    server = smtp_server(users={"u": "p"})
    with pytest.raises(WireFault) as caught:
        Session.open(Target("127.0.0.1", server.port, "starttls", "u", "p", timeouts=SHORT))
    assert (caught.value.reply.stage, judge(caught.value.reply).cls) == (Stage.TLS, VerdictClass.TLS)
    assert not any(line.startswith("AUTH") for line in server.commands)


def test_text_injected_before_the_handshake_is_refused(
    smtp_server: Servers, server_tls: ssl.SSLContext, ca_file: str
) -> None:
    server = smtp_server({"starttls": reply("220 go ahead\n250 injected")}, tls="starttls", context=server_tls)
    with pytest.raises(WireFault, match="handshake"):
        Session.open(Target("localhost", server.port, "starttls", timeouts=SHORT, ca_file=ca_file))


def test_wrong_credentials_are_tried_once(smtp_server: Servers) -> None:
    server = smtp_server(users={"u": "right"})
    with pytest.raises(WireFault) as caught:
        Session.open(Target("127.0.0.1", server.port, "none", "u", "wrong", timeouts=SHORT))
    assert (caught.value.reply.code, judge(caught.value.reply).cls) == (535, VerdictClass.AUTH)
    assert sum(line.startswith("AUTH") for line in server.commands) == 1
    assert "wrong" not in str(caught.value)


@pytest.mark.parametrize("extensions", [("PIPELINING", "8BITMIME"), ()], ids=["pipelining", "plain"])
def test_several_messages_go_over_one_session(smtp_server: Servers, extensions: tuple[str, ...]) -> None:
    server = smtp_server(extensions=extensions)
    session = Session.open(Target("127.0.0.1", server.port, "none", timeouts=SHORT))
    for _ in range(3):
        send(session)
    session.wait(session.quit())
    assert (len(server.wait_for(3)), server.connections) == (3, 1)


def test_the_next_envelope_travels_with_the_final_dot(smtp_server: Servers) -> None:
    server = smtp_server()
    session = Session.open(Target("127.0.0.1", server.port, "none", timeouts=SHORT))
    session.wait(session.begin(MAIL))
    for number in range(3):
        assert session.wait(session.opening(MAIL)).ready
        session.wait(session.body(MAIL))
        session.wait(session.finish(MAIL if number < 2 else None))
        assert session.wait(session.outcome()).code == 250
    session.wait(session.quit())
    assert len(server.wait_for(3)) == 3


def test_what_does_not_fit_is_refused_without_a_round_trip(smtp_server: Servers) -> None:
    server = smtp_server(size=10, extensions=())
    session = Session.open(Target("127.0.0.1", server.port, "none", timeouts=SHORT))
    refusal = session.fits(MAIL)
    assert refusal is not None
    assert judge(refusal).cls is VerdictClass.MESSAGE_TOO_LARGE
    foreign = Outgoing("us@example.com", ("ü@example.org",), b"x\r\n", 3, needs_smtputf8=True)
    assert session.fits(foreign) is not None
    session.wait(session.quit())


def test_a_dropped_syn_costs_the_connect_timeout_and_no_more() -> None:
    with blackhole() as port, pytest.raises(WireFault) as caught:
        Session.open(Target("127.0.0.1", port, "none", timeouts=Timeouts(connect=1)))
    assert (caught.value.reply.stage, caught.value.reply.text) == (Stage.CONNECT, "Connection timeout")


def test_a_pool_gives_back_the_open_session_and_drops_one_that_was_hung_up_on(smtp_server: Servers) -> None:
    server = smtp_server()
    pool = Pool()
    session = Session.open(Target("127.0.0.1", server.port, "none", timeouts=SHORT))
    pool.put("k", session)
    assert pool.take("k") is session
    pool.put("k", session)
    server.stop()
    assert pool.take("k") is None


def test_the_probe_walks_every_stage_and_masks_the_password(
    smtp_server: Servers, server_tls: ssl.SSLContext, ca_file: str
) -> None:
    server = smtp_server(tls="starttls", context=server_tls, users={"u": "s3cret-s3cret"}, size=1000)
    target = Target("localhost", server.port, "starttls", "u", "s3cret-s3cret", timeouts=SHORT, ca_file=ca_file)
    report = probe(target, MAIL, progress=lambda _: None)
    assert report.failure is None
    assert [stage["stage"] for stage in report.stages] == [
        "dns", "connect", "greeting", "ehlo", "tls", "ehlo", "auth", "mail", "rcpt", "final_dot",
    ]  # fmt: skip
    assert report.pending == []
    assert all(stage["ms"] >= 0 for stage in report.stages)
    ehlo = next(stage["summary"] for stage in report.stages[::-1] if stage["stage"] == "ehlo")
    assert ehlo.startswith(("SIZE", "AUTH")), "what matters to an operator comes first"
    shown = str(report.to_json())
    assert "expires in" in shown
    assert "AUTH PLAIN ********" in shown
    assert "s3cret" not in shown
    import base64

    assert base64.b64encode(b"\0u\0s3cret-s3cret").decode() not in shown
    server.wait_for(1)


def test_the_probe_says_which_encryption_the_port_speaks(smtp_server: Servers, server_tls: ssl.SSLContext) -> None:
    server = smtp_server(tls="ssl", context=server_tls)
    report = probe(Target("localhost", server.port, "starttls", timeouts=SHORT), None, progress=lambda _: None)
    assert report.suggestions == [
        {"text": f"Port {server.port} speaks SSL: choose it as encryption.", "port": server.port, "encryption": "ssl"}
    ]
    assert report.commands[0] == f"openssl s_client -starttls smtp -connect localhost:{server.port}"


@pytest.mark.parametrize("text", [b"", b"\r\n", b"\xff" * 100 + b"\r\n", b"999 what\r\n", b"hello\r\n"])
def test_a_greeting_that_is_no_smtp_has_the_right_stage(smtp_server: Servers, text: bytes) -> None:
    server = smtp_server({"greeting": garbage(text)})
    report = probe(Target("127.0.0.1", server.port, "none", timeouts=SHORT), None, progress=lambda _: None)
    assert report.failure is not None
    assert (report.failure.stage, judge(report.failure).cls) == (Stage.GREETING, VerdictClass.CONNECTION)


def test_a_refused_sign_in_still_shows_the_certificate(
    smtp_server: Servers, server_tls: ssl.SSLContext, ca_file: str
) -> None:
    server = smtp_server(tls="starttls", context=server_tls, users={"u": "right"})
    target = Target("localhost", server.port, "starttls", "u", "wrong", timeouts=SHORT, ca_file=ca_file)
    seen: list[list[str]] = []
    report = probe(target, MAIL, progress=lambda so_far: seen.append(list(so_far.pending)))
    assert report.failure is not None
    assert (report.failure.stage, report.failure.code) == (Stage.AUTH, 535)
    assert "certificate for" in next(one["summary"] for one in report.stages if one["stage"] == "tls")
    assert seen[0] == ["Connect", "Greeting", "EHLO", "TLS", "EHLO", "Sign in", "Sender", "Recipient", "Message"]
    assert report.pending == []


def test_without_a_recipient_only_the_sender_is_asked_about(smtp_server: Servers) -> None:
    server = smtp_server({"mail": reply("553 5.7.1 Sender not verified")})
    target = Target("127.0.0.1", server.port, "none", timeouts=SHORT)
    report = probe(target, Outgoing("us@example.com", (), b"", 0), progress=lambda _: None)
    assert report.failure is not None
    assert report.failure.stage is Stage.MAIL
    willing = smtp_server()
    target = Target("127.0.0.1", willing.port, "none", timeouts=SHORT)
    report = probe(target, Outgoing("us@example.com", (), b"", 0), progress=lambda _: None)
    assert report.failure is None
    assert report.stages[-1]["stage"] == "mail"
    assert willing.taken == []


def test_a_refused_connection_names_the_stage() -> None:
    report = probe(
        Target("127.0.0.1", closed_port(), "none", timeouts=SHORT), None, progress=lambda _: None, elsewhere=False
    )
    assert report.failure is not None
    assert report.stages[-1] == {**report.stages[-1], "stage": "connect", "ok": False, "summary": "Connection refused"}
