"""One DNS question and how it ended, as data: "no such name" is an answer, a silent server is none."""

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """How a question ended."""

    FOUND = "found"
    #: The name exists, records of this type do not.
    NODATA = "nodata"
    NXDOMAIN = "nxdomain"
    #: Every server answered with an error: SERVFAIL, REFUSED, or an answer that cannot be read.
    SERVFAIL = "servfail"
    TIMEOUT = "timeout"
    #: Not a name that DNS can carry (a label over 63 octets, an empty label …): it was never asked.
    BAD_NAME = "bad_name"


@dataclass(frozen=True, slots=True)
class Lookup:
    """The answer to one question. `values` are presentation text, the strings of a TXT record joined (RFC 7208 3.3)."""

    name: str
    kind: str
    outcome: Outcome
    values: tuple[str, ...] = ()
    #: Targets of the CNAME records that were followed, in order.
    chain: tuple[str, ...] = ()

    @property
    def void(self) -> bool:
        """RFC 7208 section 4.6.4: no records of that type, or no such name."""
        return self.outcome in {Outcome.NODATA, Outcome.NXDOMAIN, Outcome.BAD_NAME}

    @property
    def unanswered(self) -> bool:
        """True when nothing is known: asking again later may help."""
        return self.outcome in {Outcome.SERVFAIL, Outcome.TIMEOUT}

    def sentence(self) -> str:
        """What happened, for a person."""
        what = f"{self.kind} of {self.name}"
        match self.outcome:
            case Outcome.FOUND:
                return f"{what}: {len(self.values)} found"
            case Outcome.NODATA:
                return f"{self.name} exists, but it has no {self.kind} record"
            case Outcome.NXDOMAIN:
                if self.chain:
                    return f"{self.name} is a CNAME to {self.chain[-1]}, which does not exist"
                return f"{self.name} does not exist"
            case Outcome.SERVFAIL:
                return f"The name servers answered with an error when asked for {what} (SERVFAIL); nothing is known"
            case Outcome.TIMEOUT:
                return f"The name servers did not answer in time when asked for {what}; nothing is known"
            case Outcome.BAD_NAME:
                return f"{self.name!r} is not a name that DNS can hold"
