"""Rules that operators teach: words with ``*`` for whatever stands between them. No regular expressions.

Matching is a search for one piece after the other, so its time grows with the length of the text and with nothing else.
"""

import re
from dataclasses import dataclass

from senddock.domain.rules import Rule
from senddock.domain.verdict_class import VerdictClass

LONGEST = 200
_MOST_PIECES = 6
_SHORTEST = 6
#: What differs from one reply to the next: addresses, bracketed ids, long numbers and codes.
_VARYING = re.compile(r"<[^>]*>|\[[^\]]*\]|\S+@\S+|https?://\S+|\b(?=\w*\d)\w{6,}\b|\b\d+\b")


class BadPattern(ValueError):
    """The words cannot be a rule; the message says why."""


@dataclass(frozen=True, slots=True)
class Wildcards:
    """Finds pieces of text in their order, whatever the case."""

    pieces: tuple[str, ...]

    def search(self, text: str) -> bool:
        """True when every piece is found behind the one before."""
        lowered, at = text.lower(), 0
        for piece in self.pieces:
            found = lowered.find(piece, at)
            if found < 0:
                return False
            at = found + len(piece)
        return True


def wildcards(pattern: str) -> Wildcards:
    """From ``daily * limit`` to its matcher. Raises `BadPattern` for one that is too long, too vague or empty."""
    text = " ".join(pattern.split())
    if len(text) > LONGEST:
        raise BadPattern(f"Use at most {LONGEST} characters: the words that matter are enough.")
    pieces = tuple(piece.strip().lower() for piece in text.split("*") if piece.strip())
    if sum(len(piece) for piece in pieces) < _SHORTEST:
        raise BadPattern(
            f"Give at least {_SHORTEST} characters of the server's words: this would fit nearly everything."
        )
    if len(pieces) > _MOST_PIECES:
        raise BadPattern(f"Use at most {_MOST_PIECES - 1} stars.")
    return Wildcards(pieces)


def rule_of(
    number: int, pattern: str, cls: VerdictClass, provider: str | None, hint: str | None, *, pause: bool
) -> Rule:
    """The rule as the pack knows it; its id tells that it was taught. Raises `BadPattern`."""
    return Rule(
        id=f"taught-{number}",
        cls=cls,
        pattern=wildcards(pattern),
        unless=None,
        provider=provider,
        stages=frozenset(),
        codes=frozenset(),
        fault=None,
        weak=False,
        pause=pause,
        wait=None,
        fail_over=None,
        hint=hint or None,
        example=pattern,
        example_stage=None,
    )


def suggestion(text: str) -> str:
    """The words of a reply with stars for what will be different the next time."""
    starred = re.sub(r"(?:\s*\*\s*)+", " * ", _VARYING.sub("*", " ".join(text.split()))).strip(" *.,;:")
    pieces = starred.split(" * ")[: _MOST_PIECES - 1]
    return " * ".join(pieces)[:120].strip(" *")
