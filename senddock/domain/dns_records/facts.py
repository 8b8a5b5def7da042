"""From the facts about a provider's DNS records (the `dns` member of a catalogue entry) to a `SendingProfile`."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from senddock.domain.dns_records.profile import ExpectedRecord, ReturnPath, SendingProfile, SpfLocation

_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]*\.)+[A-Za-z]{2,}")
_LABEL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9])?")
#: How the list of remembered fields speaks of each group.
_MARKS = {
    "spf": re.compile(r"all|spf$|spf include|include/"),
    "dkim": re.compile(r"all|dkim|selector|.*cname values"),
    "return_path": re.compile(r"all|return|bounce"),
}
_INCLUDED = re.compile(r"(?:include:|redirect=)([A-Za-z0-9_.-]+)")


def profile_from_dns_facts(key: str, dns: Mapping[str, Any], name: str = "") -> SendingProfile:
    """Map one provider's facts; `name` is what people call it.

    Members that are missing or `None` leave the profile's defaults; nothing is guessed.
    """
    spf, dkim, path = (dns.get(name) or {} for name in ("spf", "dkim", "return_path"))
    include, alternatives = _includes(spf)
    kind, label = _return_path(spf, path)
    records = _dkim_records(dkim)
    selectors = [item.name.removesuffix("._domainkey") for item in records]
    documented = [name for name in selectors if _LABEL.fullmatch(name)]
    probes = [name for name in dkim.get("selectors_to_probe") or () if _LABEL.fullmatch(name)]
    alternative = str(dkim.get("alt_type") or "")
    both = {str(dkim.get("type") or "TXT"), *re.findall(r"\b(?:CNAME|TXT)\b", alternative)}
    return SendingProfile(
        key=key,
        name=name,
        spf_include=include,
        spf_alternatives=alternatives,
        spf_location=_location(spf),
        return_path=kind,
        return_path_label=label,
        return_path_records=tuple(_path_records(path)),
        selectors=tuple(documented),
        probe_selectors=tuple(name for name in probes if name not in documented),
        dkim_kind=" or ".join(sorted(both, reverse=True)),
        dkim_records=records,
        unconfirmed=frozenset(group for group in _MARKS if _from_memory(dns, group)),
    )


def _from_memory(dns: Mapping[str, Any], group: str) -> bool:
    stated = [str(part.get("confidence") or "") for part in (dns, dns.get(group) or {})]
    if any(confidence.startswith(("memory", "low")) for confidence in stated):
        return True
    # A field with a dot names a detail of a group, which leaves the records themselves confirmed.
    fields = [str(field).lower() for field in dns.get("memory_fields") or () if "." not in str(field)]
    return any(_MARKS[group].match(field) for field in fields)


def _includes(spf: Mapping[str, Any]) -> tuple[str | None, tuple[str, ...]]:
    named = _HOST.findall(str(spf.get("include") or ""))
    published = _INCLUDED.findall(str(spf.get("record") or ""))
    others = [str(value) for name, value in spf.items() if name.endswith("_include") and value]
    found = list(dict.fromkeys(name.lower() for name in (*published, *named, *others)))
    return (found[0], tuple(found[1:])) if found else (None, ())


def _location(spf: Mapping[str, Any]) -> SpfLocation:
    where = str(spf.get("location") or "").lower()
    at_domain = where.startswith(("apex", "the sending"))
    if where.startswith("not needed") or not where or (at_domain and spf.get("required") is False):
        return SpfLocation.NOT_NEEDED
    return SpfLocation.DOMAIN if at_domain else SpfLocation.RETURN_PATH


def _return_path(spf: Mapping[str, Any], path: Mapping[str, Any]) -> tuple[ReturnPath, str | None]:
    kind, label = path.get("type"), path.get("default_label")
    names = [str(record.get("name", "")) for record in path.get("records") or ()]
    if kind == "same domain" or any(name.startswith("@") for name in names):
        return ReturnPath.SAME, None
    if label:
        return ReturnPath.LABEL, label if _LABEL.fullmatch(label) else None
    # Without a default the custom return path is an option that nobody is known to have taken.
    if kind is None and spf.get("include") is None and _location(spf) is SpfLocation.DOMAIN:
        return ReturnPath.SAME, None
    return ReturnPath.SHARED, None


def _path_records(path: Mapping[str, Any]) -> Iterable[ExpectedRecord]:
    kind = str(path.get("type") or "")
    for record in path.get("records") or ():
        name = "@" if str(record.get("name", "")).startswith("@") else "<return-path>"
        yield ExpectedRecord(
            str(record.get("type") or kind), name, str(record["value"]).rstrip("."), record.get("priority")
        )


def _dkim_records(dkim: Mapping[str, Any]) -> tuple[ExpectedRecord, ...]:
    kind = "CNAME" if str(dkim.get("type") or "").startswith("CNAME") else "TXT"
    return tuple(
        ExpectedRecord(kind, str(record["name"]).partition(" (")[0], _value(kind, str(record["value"])))
        for record in dkim.get("records") or ()
    )


def _value(kind: str, value: str) -> str:
    """Facts may describe a value in words; what cannot be a record becomes a place to fill."""
    publishable = "=" in value if kind == "TXT" else "." in value
    return value if publishable else "<value shown by the provider>"
