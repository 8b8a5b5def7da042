"""What a DKIM key record is worth to a verifier (RFC 6376 section 3.6.1, RFC 8301, RFC 8463)."""

import base64
import binascii
import re
from dataclasses import dataclass

from senddock.domain.dns_records.finding import Finding, Status, worst
from senddock.domain.dns_records.rsa_size import rsa_bits
from senddock.domain.dns_records.tag_list import TagListError, parse_tags

#: RFC 8301 section 3.2: verifiers must not accept less than 1024 bits; signers should use at least 2048.
_SMALLEST, _RECOMMENDED = 1024, 2048
_ED25519_OCTETS = 32


@dataclass(frozen=True, slots=True)
class DkimKey:
    """A judged key record. `bits` is `None` where the key could not be read."""

    status: Status
    key_type: str | None
    bits: int | None
    revoked: bool
    testing: bool
    findings: tuple[Finding, ...]

    @property
    def usable(self) -> bool:
        """True when signatures by this key can verify and count."""
        return self.status is not Status.FAIL and not self.testing


def looks_like_dkim(text: str) -> bool:
    """False for TXT records that are there for something else, such as the answer of a wildcard."""
    return (
        re.search(r"(^|;)\s*p\s*=", text) is not None or re.match(r"\s*v\s*=\s*DKIM", text, re.IGNORECASE) is not None
    )


def judge_dkim_key(text: str) -> DkimKey:
    """Judge the joined text of one key record."""
    try:
        tags = parse_tags(text)
    except TagListError as error:
        return _judged({}, None, [Finding(Status.FAIL, f"The record cannot be read: {error}")])
    findings = _about_tags(tags)
    if "p" not in tags:
        findings.append(Finding(Status.FAIL, "The key is missing: there is no p= tag"))
        return _judged(tags, None, findings)
    encoded = re.sub(r"\s", "", tags["p"])
    if not encoded:
        findings.append(Finding(Status.FAIL, "The key was revoked: p= is empty, so every signature by it fails"))
        return _judged(tags, None, findings)
    try:
        bits = _bits(tags, base64.b64decode(encoded, validate=True))
    except binascii.Error:
        findings.append(Finding(Status.FAIL, "The key in p= is not valid base64; it was damaged while being copied"))
        return _judged(tags, None, findings)
    except ValueError as error:
        findings.append(Finding(Status.FAIL, f"The key in p= cannot be used: {error}"))
        return _judged(tags, None, findings)
    if bits is not None:
        findings.extend(_about_length(_key_type(tags), bits))
    return _judged(tags, bits, findings)


def _about_tags(tags: dict[str, str]) -> list[Finding]:
    findings: list[Finding] = []
    if "v" in tags and (next(iter(tags)) != "v" or tags["v"] != "DKIM1"):
        findings.append(
            Finding(Status.FAIL, "v= has to come first and to be exactly DKIM1; verifiers ignore this record")
        )
    if _key_type(tags) not in {"rsa", "ed25519"}:
        findings.append(Finding(Status.FAIL, f"k={tags['k']} is a kind of key that verifiers do not know"))
    if "h" in tags and "sha256" not in _list(tags["h"]):
        findings.append(
            Finding(Status.FAIL, f"h={tags['h']} leaves out sha256, the only hash still accepted (RFC 8301)")
        )
    if "s" in tags and not {"*", "email"} & set(_list(tags["s"])):
        findings.append(Finding(Status.FAIL, f"s={tags['s']} keeps the key from being used for e-mail"))
    if "y" in _list(tags.get("t", "")):
        findings.append(
            Finding(Status.WARN, "t=y says that the domain is only testing: verifiers treat its mail as not signed")
        )
    if "s" in _list(tags.get("t", "")):
        findings.append(Finding(Status.PASS, "t=s: the key signs for this exact domain, not for its subdomains"))
    return findings


def _bits(tags: dict[str, str], key: bytes) -> int | None:
    kind = _key_type(tags)
    if kind == "rsa":
        return rsa_bits(key)
    if kind == "ed25519" and len(key) != _ED25519_OCTETS:
        raise ValueError(f"an Ed25519 key has {_ED25519_OCTETS} octets, this one {len(key)} (RFC 8463)")
    return 256 if kind == "ed25519" else None


def _about_length(kind: str, bits: int) -> list[Finding]:
    if kind == "ed25519":
        text = "Many large receivers do not verify Ed25519 yet: publish and sign with an RSA key as well (RFC 8463)"
        return [Finding(Status.PASS, text)]
    if bits < _SMALLEST:
        return [
            Finding(Status.FAIL, f"A {bits}-bit RSA key is refused by verifiers: {_SMALLEST} is the least (RFC 8301)")
        ]
    if bits < _RECOMMENDED:
        return [
            Finding(Status.WARN, f"A {bits}-bit RSA key still works; {_RECOMMENDED} bits are recommended (RFC 8301)")
        ]
    return []


def _key_type(tags: dict[str, str]) -> str:
    return tags.get("k", "rsa").lower()


def _list(value: str) -> list[str]:
    return [part.strip().lower() for part in value.split(":")]


def _judged(tags: dict[str, str], bits: int | None, findings: list[Finding]) -> DkimKey:
    revoked = "p" in tags and not tags["p"].strip()
    testing = "y" in _list(tags.get("t", ""))
    return DkimKey(worst(findings), _key_type(tags) if tags else None, bits, revoked, testing, tuple(findings))
