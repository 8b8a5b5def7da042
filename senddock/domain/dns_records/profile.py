"""How one provider sends for a domain: where its SPF belongs, which domain it puts into MAIL FROM, how it signs."""

import re
from dataclasses import dataclass
from enum import StrEnum

_PLACE = re.compile(r"<[^<>]*>|…")


class SpfLocation(StrEnum):
    """Which name has to carry the provider's include."""

    DOMAIN = "domain"
    RETURN_PATH = "return_path"
    #: The provider's own return-path domain carries SPF: the operator's record plays no part.
    NOT_NEEDED = "not_needed"


class ReturnPath(StrEnum):
    """The domain in MAIL FROM, against which receivers check SPF."""

    #: The domain of the From address itself.
    SAME = "same"
    #: A label below it that the operator publishes (`send`, `pm-bounces` …).
    LABEL = "label"
    #: A domain of the provider: SPF passes, but never for the operator's domain.
    SHARED = "shared"


@dataclass(frozen=True, slots=True)
class ExpectedRecord:
    """A record that a provider asks for. `name` is relative to the domain ("@" for itself).

    Values may hold places: `<domain>` and `<domain-with-dashes>` are filled in here, others only the provider can fill.
    """

    type: str
    name: str
    value: str
    priority: int | None = None

    def filled(self, domain: str) -> str:
        """The value for `domain`, as it would be typed into a zone."""
        value = self.value.replace("<domain>", domain).replace("<domain-with-dashes>", domain.replace(".", "-"))
        return f"{self.priority} {value}" if self.priority is not None else value

    def needs_filling(self, domain: str) -> bool:
        return _PLACE.search(self.filled(domain)) is not None

    def matches(self, found: str, domain: str) -> bool:
        """Is `found` (a host name) what this record should point to? A place matches one label, `…` anything."""
        value = self.value.replace("<domain>", domain).replace("<domain-with-dashes>", domain.replace(".", "-"))
        pattern = "".join(
            ".*" if part == "…" else "[^.]+" if _PLACE.fullmatch(part) else re.escape(part)
            for part in re.split(f"({_PLACE.pattern})", value.rstrip("."))
        )
        return re.fullmatch(pattern, found.rstrip("."), re.IGNORECASE) is not None


@dataclass(frozen=True, slots=True)
class SendingProfile:
    """What has to be known of a provider to judge its mail. `key` is its key in the catalogue."""

    key: str
    spf_include: str | None = None
    #: Includes that do the same for other regions or older set-ups.
    spf_alternatives: tuple[str, ...] = ()
    spf_location: SpfLocation = SpfLocation.NOT_NEEDED
    return_path: ReturnPath = ReturnPath.SAME
    #: The label below the domain; `None` when it differs from customer to customer and was not given.
    return_path_label: str | None = None
    return_path_records: tuple[ExpectedRecord, ...] = ()
    #: Selectors the provider is known to sign with, and others that it may have used.
    selectors: tuple[str, ...] = ()
    probe_selectors: tuple[str, ...] = ()
    #: "TXT", "CNAME" or both.
    dkim_kind: str = "TXT"
    dkim_records: tuple[ExpectedRecord, ...] = ()
    #: Addresses the server is known to send from, for a provider without an include.
    addresses: tuple[str, ...] = ()

    #: Which of "spf", "dkim" and "return_path" rest on memory rather than on the provider's own page.
    unconfirmed: frozenset[str] = frozenset()
    #: As people know it; without a name its key is shown.
    name: str = ""

    @property
    def title(self) -> str:
        return self.name or self.key

    @property
    def includes(self) -> tuple[str, ...]:
        return (*((self.spf_include,) if self.spf_include else ()), *self.spf_alternatives)

    def return_path_domain(self, domain: str) -> str | None:
        """The MAIL FROM domain for mail From `domain`; `None` when it is the provider's own or not known."""
        if self.return_path is ReturnPath.SAME:
            return domain
        if self.return_path is ReturnPath.LABEL and self.return_path_label:
            return f"{self.return_path_label}.{domain}"
        return None

    def dkim_record(self, selector: str) -> ExpectedRecord | None:
        """What the provider wants at `selector`, when its value is known."""
        return next((item for item in self.dkim_records if item.name == f"{selector}._domainkey"), None)
