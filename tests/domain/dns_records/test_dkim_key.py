"""DKIM key records are judged as a verifier judges them."""

import base64

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from senddock.domain.dns_records.dkim_key import judge_dkim_key, looks_like_dkim
from senddock.domain.dns_records.finding import Status

#: A 512-bit key: cryptography does not make such keys any more.
SHORT = (
    "MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBANGpo+dUZkTcvUKHHUgKlgHSKkXFtbqQWDVUXvvP"
    "fWVDuBsKcYfXeDJHKa8QxK8fMsjBUXG2wG5EVlqxZhZ9p4sCAwEAAQ=="
)


def rsa_key(bits: int) -> str:
    public = rsa.generate_private_key(65537, bits).public_key()
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return base64.b64encode(public.public_bytes(serialization.Encoding.DER, form)).decode()


@pytest.fixture(scope="module")
def key2048() -> str:
    return rsa_key(2048)


@pytest.fixture(scope="module")
def key1024() -> str:
    return rsa_key(1024)


def test_it_passes_a_2048_bit_key(key2048: str) -> None:
    key = judge_dkim_key(f"v=DKIM1; k=rsa; p={key2048}")

    assert (key.status, key.key_type, key.bits, key.usable) == (Status.PASS, "rsa", 2048, True)


def test_it_reads_a_key_without_version_and_with_blanks_in_it(key2048: str) -> None:
    key = judge_dkim_key(f"p = {key2048[:40]} {key2048[40:]} ;")

    assert (key.status, key.bits) == (Status.PASS, 2048)


def test_it_reads_a_bare_rsa_public_key() -> None:
    public = rsa.generate_private_key(65537, 2048).public_key()
    der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.PKCS1)

    assert judge_dkim_key(f"p={base64.b64encode(der).decode()}").bits == 2048


def test_it_warns_of_a_1024_bit_key_that_still_works(key1024: str) -> None:
    key = judge_dkim_key(f"v=DKIM1; p={key1024}")

    assert (key.status, key.bits, key.usable) == (Status.WARN, 1024, True)


def test_it_fails_a_512_bit_key() -> None:
    key = judge_dkim_key(f"v=DKIM1; p={SHORT}")

    assert (key.status, key.bits, key.usable) == (Status.FAIL, 512, False)
    assert "1024" in key.findings[0].text


def test_it_fails_a_revoked_key() -> None:
    key = judge_dkim_key("v=DKIM1; k=rsa; p=")

    assert (key.status, key.revoked, key.usable) == (Status.FAIL, True, False)


def test_it_passes_an_ed25519_key_and_asks_for_an_rsa_key_as_well() -> None:
    raw = ed25519.Ed25519PrivateKey.generate().public_key().public_bytes_raw()

    key = judge_dkim_key(f"v=DKIM1; k=ed25519; p={base64.b64encode(raw).decode()}")

    assert (key.status, key.key_type, key.bits, key.usable) == (Status.PASS, "ed25519", 256, True)
    assert "RSA" in key.findings[0].text


def test_it_treats_a_testing_key_as_not_signing(key2048: str) -> None:
    key = judge_dkim_key(f"v=DKIM1; t=y:s; p={key2048}")

    assert (key.status, key.testing, key.usable) == (Status.WARN, True, False)


def test_it_names_a_key_that_was_cut_off(key2048: str) -> None:
    key = judge_dkim_key(f"v=DKIM1; p={key2048[:252]}")

    assert key.status is Status.FAIL
    assert "cut off" in key.findings[0].text


@pytest.mark.parametrize(
    "record",
    [
        "v=DKIM2; p={key}",
        "p={key}; v=DKIM1",
        "v=DKIM1; k=dsa; p={key}",
        "v=DKIM1; h=sha1; p={key}",
        "v=DKIM1; s=other; p={key}",
        "v=DKIM1; p={key}; p={key}",
        "v=DKIM1; k=rsa",
        "v=DKIM1; p=%%%",
        "v=DKIM1; nonsense; p={key}",
        "v=DKIM1; k=ed25519; p={key}",
        "v=DKIM1; p=AAAA",
        "v=DKIM1; p=MA==",
    ],
)
def test_it_fails_records_that_verifiers_ignore(record: str, key2048: str) -> None:
    key = judge_dkim_key(record.format(key=key2048))

    assert key.status is Status.FAIL
    assert not key.usable


@pytest.mark.parametrize("tags", ["h=sha1:sha256", "s=email", "s=*", "t=s", "n=note to myself", "x=unknown"])
def test_it_passes_tags_that_do_no_harm(tags: str, key2048: str) -> None:
    assert judge_dkim_key(f"v=DKIM1; {tags}; p={key2048}").status is Status.PASS


@pytest.mark.parametrize(
    ("text", "expected"),
    [("v=DKIM1; k=rsa", True), ("k=rsa; p=abc", True), ("v=spf1 -all", False), ("some text", False)],
)
def test_it_knows_a_wildcards_answer_from_a_key(text: str, expected: bool) -> None:
    assert looks_like_dkim(text) is expected
