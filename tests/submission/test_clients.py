"""Real clients against the real door; each message then leaves through a provider, whole."""

import email.message
import email.policy
import os
import shutil
import smtplib
import ssl
import subprocess
import sys
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.hazmat.primitives.serialization.pkcs7 import PKCS7Options, PKCS7SignatureBuilder
from cryptography.x509 import load_pem_x509_certificate

from tests.conftest import Bench
from tests.smtp_server import ScriptedSMTP, Taken
from tests.submission.running import RunningDoor

CLIENTS = Path(__file__).parents[1] / "clients"
EVERYBODY = ["ana@example.org", "bo@example.org", "eve@example.org"]
# Programs that are not installed are named by .ci/left-out.
NODE = ["starttls", "tls"] if shutil.which("node") and (CLIENTS / "node" / "node_modules").exists() else []
PHP = ["starttls", "tls", "plain"] if Path("/usr/share/php/libphp-phpmailer").exists() and shutil.which("php") else []
PROGRAMS = [name for name in ("curl", "swaks", "msmtp") if shutil.which(name)]
TEXT = "Hello\n.one dot\n..two\nümläut\n"
BINARY = bytes(range(256))
INVITE = (CLIENTS / "invite.ics").read_text("utf-8")


class Way:
    """From the door to a provider."""

    def __init__(self, door: RunningDoor, bench: Bench, provider: ScriptedSMTP, authority: Path) -> None:
        self.door, self._bench, self._provider, self.authority = door, bench, provider, authority

    def port(self, mode: str) -> int:
        """Where the mode is spoken."""
        return self.door.tls_port if mode == "tls" else self.door.port

    def run(self, *command: object, stdin: bytes | None = None) -> None:
        """One client program, which trusts the suite's authority."""
        trust = {"SSL_CERT_FILE": str(self.authority), "NODE_EXTRA_CA_CERTS": str(self.authority)}
        done = subprocess.run(
            [str(part) for part in command], input=stdin, capture_output=True, timeout=120, check=False,
            env={**os.environ, **trust},
        )  # fmt: skip
        assert done.returncode == 0, (done.stdout + done.stderr).decode(errors="replace")

    def taken(self, count: int) -> list[Taken]:
        """What the provider was given."""
        assert len(self.door.messages()) == count
        self._bench.engine.drain()
        return self._provider.wait_for(count)


@pytest.fixture
def way(
    door: RunningDoor,
    sqlite_bench: Bench,
    smtp_server: Callable[..., ScriptedSMTP],
    authority: trustme.CA,
    tmp_path: Path,
) -> Way:
    """A door, an engine and a provider on one database."""
    provider = smtp_server()
    sqlite_bench.provider(provider.port)
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    return Way(door, sqlite_bench, provider, tmp_path / "authority.pem")


def _composed() -> EmailMessage:
    message = EmailMessage(policy=email.policy.SMTP)
    message["From"], message["To"], message["Cc"] = "Us <us@example.com>", "ana@example.org", "bo@example.org"
    message["Subject"] = "Grüße ✓"
    message["Date"] = "Wed, 25 Nov 2026 10:00:00 +0000"
    message["Message-ID"] = "<composed@example.com>"
    message.set_content(TEXT)
    message.add_alternative("<p>Hello ümläut</p>", subtype="html")
    message.add_attachment(INVITE, subtype="calendar", params={"method": "REQUEST"}, filename="invite.ics")
    message.add_attachment(BINARY, maintype="application", subtype="octet-stream", filename="a.bin")
    return message


def _is_whole(taken: Taken) -> None:
    """Everything a client put in has arrived at the provider."""
    assert sorted(taken.recipients) == EVERYBODY
    assert taken.mail_from == "us@example.com"
    message = email.message_from_bytes(taken.data, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    assert (message["subject"], message["bcc"]) == ("Grüße ✓", None)
    text, page = message.get_body(("plain",)), message.get_body(("html",))
    assert text is not None
    assert page is not None
    assert text.get_content().replace("\r\n", "\n").rstrip() == TEXT.rstrip()
    assert "<p>Hello ümläut</p>" in page.get_content()
    (attachment,) = [part for part in message.iter_attachments() if part.get_filename() == "a.bin"]
    assert attachment.get_content() == BINARY
    invites = [part.get_payload(decode=True) for part in message.walk() if part.get_content_type() == "text/calendar"]
    assert [str(invite, "utf-8").replace("\r\n", "\n").rstrip() for invite in invites] == [INVITE.rstrip()]


@pytest.mark.parametrize("mode", ["starttls", "tls", "plain"])
@pytest.mark.parametrize("script", ["with_django.py", "with_flask_mail.py"])
def test_python_frameworks(way: Way, script: str, mode: str) -> None:
    way.run(sys.executable, "-W", "ignore", CLIENTS / script, way.port(mode), mode, way.door.token, 2)
    for taken in way.taken(2):
        _is_whole(taken)


@pytest.mark.parametrize("mode", NODE)
def test_nodemailer_with_its_pool(way: Way, mode: str) -> None:
    way.run("node", CLIENTS / "node" / "nodemailer.mjs", way.port(mode), mode, way.door.token, 6)
    for taken in way.taken(6):
        _is_whole(taken)


@pytest.mark.parametrize("mode", PHP)
def test_phpmailer(way: Way, mode: str) -> None:
    way.run("php", CLIENTS / "phpmailer.php", way.port(mode), mode, way.door.token, 2, way.authority)
    for taken in way.taken(2):
        _is_whole(taken)


@pytest.mark.parametrize("mode", ["starttls", "tls"])
def test_smtplib(way: Way, authority: trustme.CA, mode: str) -> None:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    if mode == "tls":
        client: smtplib.SMTP = smtplib.SMTP_SSL("localhost", way.port(mode), context=context, timeout=60)
    else:
        client = smtplib.SMTP("localhost", way.port(mode), timeout=60)
        client.starttls(context=context)
    with client:
        client.login("resend", way.door.token)
        client.send_message(_composed(), to_addrs=EVERYBODY)
    (taken,) = way.taken(1)
    _is_whole(taken)
    assert taken.data == _composed_bytes(taken)


def _composed_bytes(taken: Taken) -> bytes:
    """What smtplib sent: the boundaries it drew are those in the bytes, so compare all but them."""
    import re

    boundaries = re.findall(rb'boundary="([^"]+)"', taken.data)
    again = _composed().as_bytes(policy=email.policy.SMTP)
    for mine, theirs in zip(re.findall(rb'boundary="([^"]+)"', again), boundaries, strict=True):
        again = again.replace(mine, theirs)
    return again


def _run_program(way: Way, name: str, mode: str, eml: Path) -> None:
    """One message out of a file."""
    port, token = way.port(mode), way.door.token
    if name == "curl":
        people = [part for address in EVERYBODY for part in ("--mail-rcpt", address)]
        url = f"smtp{'s' if mode == 'tls' else ''}://localhost:{port}"
        must = ["--ssl-reqd"] if mode != "plain" else []
        way.run("curl", "-sS", "--crlf", *must, "--cacert", way.authority, "--url", url, "--user", f"resend:{token}",
                "--mail-from", "us@example.com", *people, "--upload-file", eml)  # fmt: skip
    elif name == "swaks":
        tls = {"starttls": ["--tls"], "tls": ["--tls-on-connect"], "plain": []}[mode]
        way.run("swaks", "--server", "localhost", "--port", port, *tls, "--auth", "--auth-user", "resend",
                "--auth-password", token, "--from", "us@example.com", "--to", ",".join(EVERYBODY),
                "--data", f"@{eml}")  # fmt: skip
    else:
        tls = [f"--tls={'off' if mode == 'plain' else 'on'}", f"--tls-starttls={'on' if mode == 'starttls' else 'off'}"]
        way.run("msmtp", "--host=localhost", f"--port={port}", *tls, f"--tls-trust-file={way.authority}", "--auth=plain",
                "--user=resend", f"--passwordeval=echo {token}", "--from=us@example.com", "--", *EVERYBODY,
                stdin=eml.read_bytes())  # fmt: skip


@pytest.mark.parametrize("mode", ["starttls", "tls", "plain"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_command_line_clients_with_bare_line_feeds(way: Way, tmp_path: Path, name: str, mode: str) -> None:
    eml = tmp_path / "a.eml"
    eml.write_bytes(_composed().as_bytes(policy=email.policy.SMTP).replace(b"\r\n", b"\n"))
    _run_program(way, name, mode, eml)
    (taken,) = way.taken(1)
    _is_whole(taken)


@pytest.mark.parametrize("name", PROGRAMS)
def test_what_a_program_hands_over_signed_leaves_byte_for_byte(
    way: Way, tmp_path: Path, authority: trustme.CA, name: str
) -> None:
    issued = authority.issue_cert("us@example.com")
    certificate = load_pem_x509_certificate(issued.cert_chain_pems[0].bytes())
    key = load_pem_private_key(issued.private_key_pem.bytes(), None)
    assert isinstance(key, RSAPrivateKey | EllipticCurvePrivateKey)
    content = _composed()
    for field in ("From", "To", "Cc", "Subject", "Date", "Message-ID"):
        del content[field]
    signing = PKCS7SignatureBuilder().set_data(content.as_bytes(policy=email.policy.SMTP))
    signed = signing.add_signer(certificate, key, SHA256()).sign(Encoding.SMIME, [PKCS7Options.DetachedSignature])
    signed = signed.replace(b"\r\n", b"\n")
    eml = tmp_path / "signed.eml"
    eml.write_bytes(b"From: Us <us@example.com>\nTo: ana@example.org\nSubject: Signed\n" + signed)
    _run_program(way, name, "starttls", eml)
    (taken,) = way.taken(1)
    sent = signed.partition(b"\n\n")[2].replace(b"\n", b"\r\n")
    assert taken.data.partition(b"\r\n\r\n")[2].rstrip() == sent.rstrip()


@pytest.mark.parametrize("kind", ["signed", "calendar", "mixed line ends"])
def test_what_must_not_change_arrives_byte_for_byte(way: Way, kind: str) -> None:
    head = (
        b"From: us@example.com\r\nTo: ana@example.org\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
        b"Date: Wed, 25 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@example.com>\r\nX-Folded: one\r\n\ttwo  \r\n"
        b"MIME-Version: 1.0\r\n"
    )
    bodies = {
        "signed": b'Content-Type: multipart/signed; protocol="application/pkcs7-signature"; micalg=sha-256;\r\n'
        b' boundary="b"\r\n\r\nThis is an S/MIME signed message\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n'
        b".signed line \t \r\n..trailing\r\n\r\n\r\n--b\r\nContent-Type: application/pkcs7-signature; name=smime.p7s\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\nMIIBVgYJKoZIhvcNAQcCoIIBRzCCAUMCAQEx\r\n\r\n--b--\r\n",
        "calendar": b"Content-Type: text/calendar; method=REQUEST; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
        + "BEGIN:VCALENDAR\r\nSUMMARY:Grüße\r\n  folded on\r\nEND:VCALENDAR\r\n".encode(),
        "mixed line ends": b"Content-Type: text/plain\r\n\r\nno end of line at the end",
    }
    data = head + bodies[kind]
    way.door.send(data)
    (taken,) = way.taken(1)
    assert taken.data == (data if data.endswith(b"\r\n") else data + b"\r\n")
