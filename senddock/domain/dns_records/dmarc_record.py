"""The text of a DMARC policy record (RFC 7489 section 6.3; `np`, `psd` and `t` from draft-ietf-dmarc-dmarcbis section 4.7)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from senddock.domain.dns_records.finding import Finding, Status, worst
from senddock.domain.dns_records.tag_list import TagListError, parse_tags
from senddock.domain.whole_number import whole_number

_VERSION = re.compile(r"v\s*=\s*DMARC1\s*(;|$)")
_NEARLY = re.compile(r"\s*v\s*=\s*DMARC", re.IGNORECASE)
_POLICIES = ("none", "quarantine", "reject")
_REPORT = re.compile(r"mailto:[^\s@,!]+@([A-Za-z0-9.\-]+)(![0-9]+[kmgt]?)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class DmarcRecord:
    """A judged policy record; `policy` is `None` when receivers get no policy out of it."""

    text: str
    status: Status
    policy: str | None
    #: What holds for subdomains without a record of their own: sp=, else p=.
    subdomain_policy: str | None
    percent: int
    strict_dkim: bool
    strict_spf: bool
    reports_to: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    #: What holds for subdomains that do not exist: np=, else what holds for subdomains.
    missing_policy: str | None = None
    #: "y": a public suffix, "n": an organisational domain, "u": neither is said.
    psd: str = "u"


def dmarc_texts(values: Iterable[str]) -> list[str]:
    """Those TXT values that are DMARC records: others are ignored by receivers (section 6.6.3)."""
    return [value for value in values if _VERSION.match(value)]


def nearly_dmarc(values: Iterable[str]) -> list[str]:
    """TXT values that were meant to be DMARC records and are not read as such."""
    return [value for value in values if _NEARLY.match(value) and not _VERSION.match(value)]


def parse_dmarc(text: str) -> DmarcRecord:
    """Judge a record that `dmarc_texts` has chosen."""
    try:
        tags = {name.lower(): value for name, value in parse_tags(text).items()}
    except TagListError as error:
        broken = Finding(Status.FAIL, f"The record cannot be read, so receivers ignore it: {error}")
        return DmarcRecord(text, Status.FAIL, None, None, 100, strict_dkim=False, strict_spf=False, findings=(broken,))
    findings: list[Finding] = []
    reports = _reports(tags, findings)
    policy = _policy(tags, reports, findings)
    percent = _percent(tags, findings)
    strict_dkim, strict_spf = (_strict(tags, name, findings) for name in ("adkim", "aspf"))
    subdomain = _choice(tags, "sp", findings) or policy
    missing = _choice(tags, "np", findings) or subdomain
    psd = _psd(tags, findings)
    if tags.get("t", "n").lower() == "y" and policy in {"quarantine", "reject"}:
        text = "t=y: receivers that know it act as for the next weaker policy, others as for p= itself"
        findings.append(Finding(Status.WARN, text))
    _recommend(policy, percent, reports, findings)
    status = worst(findings)
    subdomain, missing = (subdomain, missing) if policy is not None else (None, None)
    return DmarcRecord(
        text, status, policy, subdomain, percent, strict_dkim, strict_spf, reports, tuple(findings), missing, psd
    )


def report_domain(address: str) -> str:
    """The domain of one of `reports_to`."""
    return address.rpartition("@")[2].lower()


def _policy(tags: dict[str, str], reports: tuple[str, ...], findings: list[Finding]) -> str | None:
    if tags.get("p", "").lower() in _POLICIES:
        if list(tags)[1:2] != ["p"]:
            findings.append(Finding(Status.WARN, "p= should stand right after v=DMARC1; some receivers insist on it"))
        return tags["p"].lower()
    what = f"p={tags['p']} is no policy (none, quarantine, reject)" if "p" in tags else "p= is missing"
    if reports:
        # Section 6.6.3: with a usable report address such a record counts as p=none.
        findings.append(Finding(Status.FAIL, f"{what}; receivers act as for p=none and only send reports"))
        return "none"
    findings.append(Finding(Status.FAIL, f"{what}, so receivers ignore the record"))
    return None


def _choice(tags: dict[str, str], name: str, findings: list[Finding]) -> str | None:
    value = tags.get(name, "").lower()
    if name in tags and value not in _POLICIES:
        findings.append(
            Finding(Status.WARN, f"{name}={tags[name]} is no policy (none, quarantine, reject); it is ignored")
        )
        return None
    return value or None


def _psd(tags: dict[str, str], findings: list[Finding]) -> str:
    value = tags.get("psd", "u").lower()
    if value not in {"y", "n", "u"}:
        findings.append(Finding(Status.WARN, f"psd={tags['psd']} is none of y, n and u; it is ignored"))
        return "u"
    return value


def _percent(tags: dict[str, str], findings: list[Finding]) -> int:
    value = tags.get("pct", "100")
    percent = whole_number(value, 100)
    if percent is None:
        findings.append(Finding(Status.WARN, f"pct={value} is no number from 0 to 100; receivers take 100"))
        return 100
    return percent


def _strict(tags: dict[str, str], name: str, findings: list[Finding]) -> bool:
    value = tags.get(name, "r").lower()
    if value not in {"r", "s"}:
        findings.append(Finding(Status.WARN, f"{name}={tags[name]} is neither r (relaxed) nor s (strict); r is taken"))
    return value == "s"


def _reports(tags: dict[str, str], findings: list[Finding]) -> tuple[str, ...]:
    addresses: list[str] = []
    for name in ("rua", "ruf"):
        for uri in filter(None, (part.strip() for part in tags.get(name, "").split(","))):
            if _REPORT.fullmatch(uri) is None:
                findings.append(Finding(Status.WARN, f"{name}={uri} is no report address: write mailto:name@domain"))
            elif name == "rua":
                addresses.append(uri[len("mailto:") :].partition("!")[0])
    return tuple(addresses)


def _recommend(policy: str | None, percent: int, reports: tuple[str, ...], findings: list[Finding]) -> None:
    if policy == "none" and not reports:
        findings.append(Finding(Status.WARN, "p=none without rua= neither protects nor reports: add a report address"))
    elif policy == "none":
        findings.append(Finding(Status.PASS, "p=none only watches; move to quarantine once the reports look right"))
    elif policy is not None and not reports:
        findings.append(Finding(Status.PASS, "Without rua= nobody tells you about mail that fails"))
    if policy in {"quarantine", "reject"} and percent < 100:
        findings.append(Finding(Status.WARN, f"pct={percent}: the policy holds for a part of the failing mail only"))
