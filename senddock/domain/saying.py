"""A sentence as its words and what stands in them, so that it can be kept once and told in any language."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Saying:
    """``text`` is English with places such as ``%(provider)s``; ``data`` fills them, with sayings among the values."""

    text: str
    data: Mapping[str, "str | int | Saying"] = field(default_factory=dict)

    def told(self, translate: Callable[[str], str] = str) -> str:
        """The sentence; ``translate`` gives the words of ``text`` in another language."""
        values = {
            name: value.told(translate) if isinstance(value, Saying) else value for name, value in self.data.items()
        }
        return translate(self.text) % values

    def to_json(self) -> dict[str, Any]:
        """To be kept."""
        data = {name: value.to_json() if isinstance(value, Saying) else value for name, value in self.data.items()}
        return {"text": self.text, "data": data}

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> "Saying":
        """What `to_json` gave."""
        data = {
            name: cls.from_json(value) if isinstance(value, Mapping) else value for name, value in kept["data"].items()
        }
        return cls(kept["text"], data)


def plain(text: str) -> Saying:
    """Words that are told as they are, such as a server's reply."""
    return Saying("%(text)s", {"text": text})


def joined(sayings: Sequence[Saying]) -> Saying:
    """Several sentences, each with a full stop."""
    return Saying(
        " ".join(f"%(part{number})s." for number in range(len(sayings))),
        {f"part{number}": saying for number, saying in enumerate(sayings)},
    )
