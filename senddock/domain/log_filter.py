"""What an operator asks of the log, as it stands in the address bar."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Self

from senddock.domain.message_id import is_id
from senddock.domain.whole_number import whole_number


@dataclass(frozen=True, slots=True)
class LogFilter:
    """Each member narrows the list; ``None`` and ``False`` do not."""

    state: str | None = None
    provider: int | None = None
    stream: int | None = None
    key: int | None = None
    verdict: str | None = None
    fallback: bool = False
    soft_bounce: bool = False
    delayed: bool = False
    text: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    @classmethod
    def from_args(cls, args: Mapping[str, str]) -> Self:
        """Read a query string; what cannot be read is left out rather than refused."""
        return cls(
            state=args.get("state") or None,
            provider=whole_number(args.get("provider")),
            stream=whole_number(args.get("stream")),
            key=whole_number(args.get("key")),
            verdict=args.get("verdict") or None,
            fallback=bool(args.get("fallback")),
            soft_bounce=bool(args.get("soft_bounce")),
            delayed=bool(args.get("delayed")),
            text=(args.get("text") or "").strip() or None,
            since=_moment(args.get("since")),
            until=_moment(args.get("until")),
        )

    def to_args(self) -> dict[str, str]:
        """The query string's members, without those that do not narrow."""
        found = {}
        for member in fields(self):
            value = getattr(self, member.name)
            if value is None or value is False:
                continue
            found[member.name] = (
                "1" if value is True else value.isoformat() if isinstance(value, datetime) else str(value)
            )
        return found

    @property
    def is_id(self) -> bool:
        """The text is the id of a message."""
        return is_id(self.text or "")

    @property
    def is_message_id(self) -> bool:
        """The text is a Message-ID as it stands in a header: ``<…@…>``."""
        text = self.text or ""
        return text.startswith("<") and text.endswith(">") and "@" in text

    @property
    def is_address(self) -> bool:
        """The text is a recipient's whole address."""
        text = self.text or ""
        return "@" in text and not text.startswith(("<", "@")) and " " not in text and not text.endswith("@")

    @property
    def narrows(self) -> bool:
        """True when it is not the whole log."""
        return self != type(self)()


def _moment(text: str | None) -> datetime | None:
    """A time without a zone is UTC: what the page shows without JavaScript."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
