"""Many patterns of which one has to fit, asked cheaply.

Python's engine tries every alternative at every character. But most patterns contain letters that have to be there, and
whether those letters are in a text costs some nanoseconds: only where they are is the pattern itself asked.
"""

import re
from collections.abc import Iterator

_SHORTEST = 3
_QUANTIFIER = re.compile(r"[?*+]|\{\d*,?\d*\}")
_CLASS = re.compile(r"\[\^?\]?(?:[^\]\\]|\\.)*\]")


class Alternatives:
    """True when one of several patterns is found. Texts have to be in small letters."""

    __slots__ = ("_others", "_sure")

    def __init__(self, patterns: list[str]) -> None:
        """Raises ``re.error`` for a pattern that cannot be read."""
        self._sure: list[tuple[str, re.Pattern[str] | None]] = []
        others = []
        for pattern in patterns:
            asked = re.compile(pattern)
            letters = needed_letters(pattern)
            for each in letters:
                self._sure.append((each, None if each == pattern else asked))
            if not letters:
                others.append(pattern)
        self._others = re.compile("|".join(others)) if others else None

    def search(self, text: str) -> bool:
        """True when one of them is in ``text``."""
        for letters, pattern in self._sure:
            if letters in text and (pattern is None or pattern.search(text)):
                return True
        return self._others is not None and self._others.search(text) is not None


def needed_letters(pattern: str) -> tuple[str, ...]:
    """Runs of letters of which one is in every text that ``pattern`` fits; empty when nothing is sure."""
    branches = _split(pattern)
    if len(branches) > 1:
        each = [needed_letters(branch) for branch in branches]
        return tuple(dict.fromkeys(run for runs in each for run in runs)) if all(each) else ()
    return max(_candidates(pattern), key=lambda runs: (min(map(len, runs)), -len(runs)), default=())


def _candidates(sequence: str) -> Iterator[tuple[str, ...]]:
    """What a pattern without a bar at its top needs, one piece after the other."""
    run, at = "", 0
    while at < len(sequence):
        start, letter = at, ""
        if sequence[at] == "(":
            at = _end_of_group(sequence, at)
        elif sequence[at] == "[":
            found = _CLASS.match(sequence, at)
            at = found.end() if found else at + 1
        elif sequence[at] == "\\":
            letter = "" if sequence[at + 1].isalnum() else sequence[at + 1]
            at += 2
        else:
            letter = "" if sequence[at] in ".^$" else sequence[at]
            at += 1
        inner = sequence[start + 1 : at - 1].removeprefix("?:") if sequence[start] == "(" else ""
        quantifier = _QUANTIFIER.match(sequence, at)
        if quantifier:
            at = quantifier.end()
        needed = quantifier is None or quantifier.group() == "+"
        if letter and needed:
            run += letter
        if not letter or quantifier:
            if len(run) >= _SHORTEST:
                yield (run,)
            run = ""
        if inner and needed and not inner.startswith("?") and (runs := needed_letters(inner)):
            yield runs
    if len(run) >= _SHORTEST:
        yield (run,)


def _split(pattern: str) -> list[str]:
    """The branches between the bars at the top of ``pattern``."""
    branches, start, at = [], 0, 0
    while at < len(pattern):
        if pattern[at] == "|":
            branches.append(pattern[start:at])
            start = at + 1
        if pattern[at] == "(":
            at = _end_of_group(pattern, at)
        elif pattern[at] == "[" and (found := _CLASS.match(pattern, at)):
            at = found.end()
        else:
            at += 2 if pattern[at] == "\\" else 1
    return [*branches, pattern[start:]]


def _end_of_group(pattern: str, at: int) -> int:
    """The position behind the parenthesis that closes the one at ``at``."""
    depth = 0
    while at < len(pattern):
        if pattern[at] == "[" and (found := _CLASS.match(pattern, at)):
            at = found.end()
            continue
        depth += {"(": 1, ")": -1}.get(pattern[at], 0)
        at += 2 if pattern[at] == "\\" else 1
        if depth == 0:
            return at
    return at
