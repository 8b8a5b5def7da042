"""The DNS tree walk of DMARCbis (draft-ietf-dmarc-dmarcbis section 4.10): which names are asked, what they decide.

It finds the policy and the organisational domain from DMARC records alone, where RFC 7489 needs a list of public suffixes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from senddock.domain.dns_records.dmarc_record import DmarcRecord
from senddock.domain.dns_records.finding import Finding

#: Questions of one walk at most: the name itself, then the names of seven labels and fewer above it.
MOST_QUERIES = 8


def places(domain: str) -> tuple[str, ...]:
    """The names whose `_dmarc` record a walk from `domain` asks for, in this order, unless a record ends it before.

    One label is taken off each time; a name of more than eight labels is cut to its last seven after the first question.
    """
    labels = domain.split(".")
    above = labels[1:] if len(labels) < MOST_QUERIES else labels[-(MOST_QUERIES - 1) :]
    return (domain, *(".".join(above[start:]) for start in range(len(above))))


@dataclass(frozen=True, slots=True)
class Step:
    """One name of a walk. `record` is `None` where there is none, and where there are several: they are discarded."""

    place: str
    record: DmarcRecord | None = None
    finding: Finding | None = None
    unanswered: bool = False


@dataclass(frozen=True, slots=True)
class TreeWalk:
    """The names that were asked, from `domain` upwards."""

    domain: str
    steps: tuple[Step, ...]

    @property
    def found(self) -> list[tuple[str, DmarcRecord]]:
        """Places with a record, the longest name first."""
        return [(step.place, step.record) for step in self.steps if step.record is not None]

    @property
    def unanswered(self) -> bool:
        """Some name could not be asked: a record there might decide otherwise."""
        return any(step.unanswered for step in self.steps)

    @property
    def organisation(self) -> str:
        """The organisational domain (section 4.10.2): where psd=n stands, one label below psd=y, else the shortest name."""
        for place, record in self.found:
            if record.psd == "n":
                return place
            if record.psd == "y" and place != self.domain:
                return _one_label_below(place, self.domain)
        return self.found[-1][0] if self.found else self.domain

    @property
    def decisive(self) -> tuple[str, DmarcRecord] | None:
        """Where the policy for `domain` comes from: the domain, its organisational domain, the public suffix above it."""
        records = dict(self.found)
        suffixes = [place for place, record in self.found if record.psd == "y" and place != self.domain]
        for place in (self.domain, self.organisation, *suffixes):
            if place in records:
                return place, records[place]
        return None

    @property
    def passed_by(self) -> list[str]:
        """Places with a record that plays no part for `domain`: neither its own nor that of its organisation."""
        used = {self.domain, self.organisation}
        return [place for place, record in self.found if place not in used and record.psd != "y"]

    def to_json(self) -> dict[str, Any]:
        return {"organisational_domain": self.organisation, "asked": [f"_dmarc.{step.place}" for step in self.steps]}


def ends(step: Step, domain: str) -> bool:
    """Does the walk end here? psd=n ends it anywhere, psd=y anywhere but at the name it started from."""
    return step.record is not None and (step.record.psd == "n" or (step.record.psd == "y" and step.place != domain))


def _one_label_below(place: str, domain: str) -> str:
    labels: Sequence[str] = domain.split(".")
    return ".".join(labels[-(place.count(".") + 2) :])
