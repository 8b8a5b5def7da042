"""The words in which records are judged: a status, findings that explain it, advice on what to publish."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """How a record stands; `warn` also stands for what could not be looked up just now."""

    PASS = "pass"  # noqa: S105 -- a verdict, no password
    WARN = "warn"
    FAIL = "fail"
    #: The name servers say that there is no such record.
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to know about a record. With `Status.PASS` it is a remark and no problem."""

    status: Status
    text: str


def worst(findings: Iterable[Finding]) -> Status:
    """`fail` before `warn` before `pass`."""
    found = {finding.status for finding in findings}
    if Status.FAIL in found:
        return Status.FAIL
    return Status.WARN if Status.WARN in found else Status.PASS


def problems(findings: Iterable[Finding]) -> list[str]:
    """The sentences that keep a record from `pass`, those that fail it first, each once."""
    found = list(findings)
    ordered = [item.text for item in found if item.status is Status.FAIL]
    ordered += [item.text for item in found if item.status is Status.WARN]
    return list(dict.fromkeys(ordered))


def notes(findings: Iterable[Finding]) -> list[str]:
    """The remarks."""
    return list(dict.fromkeys(item.text for item in findings if item.status is Status.PASS))


@dataclass(frozen=True, slots=True)
class Advice:
    """One record to publish: `name` is fully qualified without a final dot, `why` a sentence for a person.

    A value may hold a place like `<token1>` that only the provider's own page can fill; `why` then says so.
    """

    type: str
    name: str
    value: str
    why: str

    def to_json(self) -> dict[str, str]:
        return {"type": self.type, "name": self.name, "value": self.value, "why": self.why}
