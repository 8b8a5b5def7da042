"""A certificate that is renewed on disk is used by new connections; nothing is restarted and nobody is cut off."""

import os
import signal
import smtplib
import ssl
import sys
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
import trustme

from senddock.dispatch.key_rate import KeyRate
from senddock.models import Database
from senddock.submission import process
from senddock.submission.certificate import BadCertificate, Certificate
from senddock.submission.listening import Listening
from tests.e2e.house import until


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """Where the certificate and its key are."""
    return tmp_path / "cert.pem", tmp_path / "key.pem"


def issue(authority: trustme.CA, files: tuple[Path, Path]) -> None:
    """A new certificate in the place of the old one, as ACME clients put it: each file at once."""
    made = authority.issue_cert("localhost", "127.0.0.1")
    chain = b"".join(blob.bytes() for blob in made.cert_chain_pems)
    for path, content in zip(files, (chain, made.private_key_pem.bytes()), strict=True):
        fresh = path.with_suffix(".new")
        fresh.write_bytes(content)
        fresh.replace(path)


def test_new_connections_get_the_renewed_certificate_and_old_ones_go_on(
    sqlite: Database, authority: trustme.CA, files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "_RENEW", 0.01)
    issue(authority, files)
    trust = ssl.create_default_context()
    authority.configure_trust(trust)

    def session(port: int, *, implicit: bool) -> smtplib.SMTP:
        if implicit:
            return smtplib.SMTP_SSL("127.0.0.1", port, timeout=60, context=trust)
        client = smtplib.SMTP("127.0.0.1", port, timeout=60)
        client.starttls(context=trust)
        return client

    def serial(port: int, *, implicit: bool) -> str:
        with session(port, implicit=implicit) as client:
            assert isinstance(client.sock, ssl.SSLSocket)
            return str((client.sock.getpeercert() or {})["serialNumber"])

    def renew(ports: Sequence[int]) -> bool:
        try:
            plain, implicit = ports
            before = serial(plain, implicit=False)
            assert serial(implicit, implicit=True) == before
            with session(implicit, implicit=True) as old:
                issue(authority, files)
                until(
                    lambda: serial(implicit, implicit=True) != before, 60, lambda: "the new certificate is not in use"
                )
                return old.noop()[0] == 250 and serial(plain, implicit=False) != before
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    interval, renewing = sys.getswitchinterval(), list[Future[bool]]()
    with ThreadPoolExecutor(1) as pool:
        process.run(
            sqlite,
            lambda: None,
            KeyRate(None),
            Listening("door.test", ("127.0.0.1", 0), ("127.0.0.1", 0), Certificate(*files)),
            lambda ports: renewing.append(pool.submit(renew, ports)),
        )
        sys.setswitchinterval(interval)
        assert renewing[0].result(20)


def test_half_a_renewal_leaves_the_old_certificate_in_use(authority: trustme.CA, files: tuple[Path, Path]) -> None:
    issue(authority, files)
    used = Certificate(*files)
    assert not used.renew(), "nothing has changed"
    whole = files[0].read_bytes()
    issue(authority, files)
    files[0].write_bytes(whole)
    with pytest.raises(BadCertificate, match="belong together"):
        used.renew()
    issue(authority, files)
    assert used.renew()
