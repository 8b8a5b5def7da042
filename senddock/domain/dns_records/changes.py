"""What is different between two reports on a domain, as sentences a person can act on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from senddock.domain.saying import Saying

#: From good to bad. What could not be looked up is `warn` and no better than what is known to be incomplete.
_ORDER = ("pass", "warn", "missing", "fail")


@dataclass(frozen=True, slots=True)
class Changes:
    """The differences; `worse` when mail is less likely to arrive than before, `better` when it is more so."""

    sentences: tuple[Saying, ...] = ()
    worse: bool = False
    better: bool = False
    #: Something now fails that did not: receivers refuse such mail or file it as spam.
    broken: bool = False

    @property
    def alarming(self) -> bool:
        """Worth telling a person: something broke, or a record was changed to no visible good."""
        return bool(self.sentences) and (self.worse or not self.better)


def compare(before: Mapping[str, Any], after: Mapping[str, Any], names: Mapping[str, str]) -> Changes:
    """Compare two `DomainReport.to_json`; `names` gives the title of each provider key."""
    sentences: list[Saying] = []
    steps: list[tuple[int, str]] = []

    def judged(what: str, old: str | None, new: str | None) -> None:
        if old is not None and new is not None and old != new:
            data: dict[str, str | int | Saying] = {"what": what, "old": Saying(old), "new": Saying(new)}
            sentences.append(Saying("%(what)s went from %(old)s to %(new)s", data))
            steps.append((_ORDER.index(new) - _ORDER.index(old), new))

    old_providers = {item["provider"]: item for item in before["providers"]}
    for item in after["providers"]:
        known = old_providers.get(item["provider"])
        if known is not None:
            judged(names.get(item["provider"], item["provider"]), known["status"], item["status"])
    judged("SPF", before["spf"]["status"], after["spf"]["status"])
    judged("DMARC", before["dmarc"]["status"], after["dmarc"]["status"])
    sentences.extend(_records(before, after))
    return Changes(
        tuple(sentences),
        worse=any(step > 0 for step, _ in steps),
        better=any(step < 0 for step, _ in steps),
        broken=any(step > 0 and now == "fail" for step, now in steps),
    )


def _records(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Saying]:
    found = []
    for title, group in (("SPF", "spf"), ("DMARC", "dmarc")):
        old, new = before[group]["record"], after[group]["record"]
        if old != new:
            found.append(_replaced(title, old, new))
    old_keys = {(item["selector"], item["domain"]): item["record"] for item in before["dkim"]}
    for item in after["dkim"]:
        place = (item["selector"], item["domain"])
        if place in old_keys and old_keys[place] != item["record"]:
            found.append(
                _replaced_key(f"{item['selector']}._domainkey.{item['domain']}", item["record"], old_keys[place])
            )
    return found


def _replaced(record: str, old: str | None, new: str | None) -> Saying:
    data = {"record": record, "old": repr(old), "new": repr(new)}
    if new is None:
        return Saying("The %(record)s record is gone (it was %(old)s)", data)
    if old is None:
        return Saying("The %(record)s record is new: %(new)s", data)
    return Saying("The %(record)s record was changed from %(old)s to %(new)s", data)


def _replaced_key(name: str, new: str | None, old: str | None) -> Saying:
    if new is None:
        return Saying("The DKIM key at %(name)s is gone", {"name": name})
    if old is None:
        return Saying("The DKIM key at %(name)s is new", {"name": name})
    return Saying("The DKIM key at %(name)s was changed", {"name": name})
