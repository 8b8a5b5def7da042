"""One SPF record for everybody who sends for a domain: the operator's own mechanisms plus the providers' includes."""

from collections.abc import Sequence
from dataclasses import dataclass

from senddock.domain.dns_records.spf_record import SpfRecord, Term, parse_spf

#: RFC 1035 section 3.3: a TXT record is made of strings of at most 255 octets.
_STRING = 255
#: RFC 7208 section 3.4: with this much, the answer still fits a plain UDP packet.
_COMFORTABLE = 450


@dataclass(frozen=True, slots=True)
class MergedSpf:
    """The record to publish and what was changed on the way, as sentences."""

    text: str
    added: tuple[str, ...]
    changes: tuple[str, ...]


def merge_spf(existing: Sequence[str], includes: Sequence[str], addresses: Sequence[str] = ()) -> MergedSpf:
    """Merge all `existing` SPF records, and the `includes` and IP `addresses` that are not in them yet.

    The operator's own mechanisms stay in their order, `-all` and `~all` stay as they are, anything weaker or missing
    becomes `~all`. A `redirect=` stays when nothing contradicts it, since it stands for `all` as well.
    """
    records = [parse_spf(text) for text in existing]
    changes: list[str] = []
    if len(records) > 1:
        changes.append(f"It merges the {len(records)} SPF records into one: delete the others")
    dropped = sum(len(record.errors) for record in records)
    if dropped:
        changes.append("It leaves out what receivers cannot read")
    redirect = _redirect(records)
    words = _own_words(records, keep_redirect=redirect is not None)
    # An include of a chosen provider under ?, ~ or - would be met first and keep its mail from passing.
    weak = {f"{sign}include:{name.lower()}" for name in includes for sign in "?~-"}
    if any(word.lower() in weak for word in words):
        changes.append("It lets the included provider pass instead of leaving it in doubt")
        words = [word for word in words if word.lower() not in weak]
    present = {word.lstrip("+").lower() for word in words}
    added = [name for name in dict.fromkeys(includes) if f"include:{name.lower()}" not in present]
    if redirect is not None and any(name.lower() == (redirect.target or "").lower() for name in added):
        added = [name for name in added if name.lower() != (redirect.target or "").lower()]
    words.extend(f"include:{name}" for name in added)
    listed = [f"ip{6 if ':' in address else 4}:{address}" for address in addresses]
    words.extend(word for word in dict.fromkeys(listed) if word not in present)
    if redirect is not None:
        words.append(redirect.text)
    else:
        qualifier = _all_qualifier(records, changes)
        words.append(f"{qualifier}all")
    words.extend(dict.fromkeys(term.text for record in records for term in record.terms if _is_other_modifier(term)))
    return MergedSpf(" ".join(["v=spf1", *words]), tuple(added), tuple(changes))


def txt_strings(value: str) -> list[str]:
    """`value` cut into the strings of a TXT record, for name servers that do not cut by themselves."""
    return [value[start : start + _STRING] for start in range(0, len(value), _STRING)] or [""]


def is_long(value: str) -> bool:
    """True when the record is long enough to be a burden (RFC 7208 section 3.4)."""
    return len(value) > _COMFORTABLE


def _redirect(records: Sequence[SpfRecord]) -> Term | None:
    if len(records) != 1 or records[0].all_qualifier is not None:
        return None
    return next((term for term in records[0].terms if term.name == "redirect" and not term.qualifier), None)


def _own_words(records: Sequence[SpfRecord], *, keep_redirect: bool) -> list[str]:
    words: list[str] = []
    for record in records:
        for term in record.mechanisms:
            if term.name == "all":
                # What follows is never read; taking it over would authorise more than the record does today.
                break
            words.append(term.text)
        if record.redirect is not None and record.all_qualifier is None and not keep_redirect:
            words.append(f"include:{record.redirect}")
    once: dict[str, str] = {}
    for word in words:
        once.setdefault(word.lstrip("+").lower(), word)
    return list(once.values())


def _all_qualifier(records: Sequence[SpfRecord], changes: list[str]) -> str:
    found = {record.all_qualifier for record in records} - {None}
    if "~" in found or not records:
        return "~"
    if "-" in found:
        return "-"
    changes.append("It ends in ~all, so that other servers are marked as not yours")
    return "~"


def _is_other_modifier(term: Term) -> bool:
    return not term.qualifier and term.name != "redirect"
