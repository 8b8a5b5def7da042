"""Sentences that are kept in English, told in the reader's language.

Findings, reasons, refusals and remarks are made in rooms that know no language and are stored, answered by the API and
printed by the command line as plain English. When one is shown, it is recognised by the template it was made from, which
stands in the catalogue: ``Port 25 answers: use it with TLS.`` is ``Port %(port)s answers: use it with %(shown)s.`` What
is not recognised is shown as it is; so are the words of servers and messages.
"""

import functools
import gettext as catalogues
import re

from senddock.web.language import catalogue, current
from senddock.web.locale.domain_words import CONTEXT

#: gettext's sign between a context and a message.
_SEPARATOR = "\x04"
_PLACE = re.compile(r"%\((\w+)\)s")
#: Places that are filled with a sentence, or with a word of ours, and not with a name or a server's words.
_TOLD = re.compile(
    r"(why|reasons?|because|effect|error|what|what_else|who|others|state|sentence|advice|looks|clients|old|new)_*"
)
_ENDS = re.compile(r"(?<=\.) (?=[A-Z“])")
_AND = re.compile("; ")
#: Characters of a text that is told, parts of it, how far sentences inside sentences are looked for, and how often.
_LONGEST, _MOST_PARTS, _DEEPEST, _MOST_TRIES = 4000, 40, 4, 200


def retold(text: str | None) -> str:
    """``text`` in the language of this request, as far as it is a sentence of ours."""
    return _told(current(), str(text)) if text else ""


@functools.lru_cache(maxsize=4096)
def _told(code: str, text: str) -> str:
    return text if code == "en" else Teller(catalogue(code)).tell(text)


class Teller:
    """Recognises sentences by one catalogue. What is told may hold a server's words, so no text costs more than its length."""

    def __init__(self, words: catalogues.NullTranslations) -> None:
        self._words = words

    def tell(self, text: str) -> str:
        """``text`` in the catalogue's language; itself where it is not known."""
        return _Telling(self._words).tell(text, _DEEPEST) if len(text) <= _LONGEST else text


class _Telling:
    """One text on its way into the other language."""

    def __init__(self, words: catalogues.NullTranslations) -> None:
        self._words = words
        self._tries = _MOST_TRIES

    def tell(self, text: str, deep: int) -> str:
        """Looks ``deep`` sentences inside sentences far."""
        if not text.strip():
            return text
        known = self._known(text)
        if known is not None or not deep:
            return known or text
        if text != text.strip():
            return text.replace(text.strip(), self.tell(text.strip(), deep))
        parts = [self._in_parts(text, _ENDS, " ", deep), self._in_parts(text, _AND, "; ", deep)]
        whole = next((told for told, every in parts if every), None) or self._by_template(text, deep)
        if whole is None and text.endswith(".") and (told := self.tell(text[:-1], deep - 1)) != text[:-1]:
            whole = f"{told}."
        return whole or next((told for told, _ in parts if told), None) or self._who_why(text, deep) or text

    def _known(self, text: str) -> str | None:
        """A whole sentence, at the beginning of a line or inside one."""
        found = self._words.gettext(text)
        if found != text:
            return found
        small = text[:1].lower() + text[1:]
        found = self._words.gettext(small)
        return found[:1].upper() + found[1:] if found != small and " " in small else None

    def _by_template(self, text: str, deep: int) -> str | None:
        self._tries -= 1
        for template in _templates(self._words) if self._tries >= 0 else ():
            found = template.values_in(text)
            if found is not None:
                return template.told % {name: self._place(name, value, deep) for name, value in found.items()}
        return None

    def _place(self, name: str, value: str, deep: int) -> str:
        return self.tell(value, deep - 1) if value and _TOLD.fullmatch(name) else value

    def _in_parts(self, text: str, ends: re.Pattern[str], glue: str, deep: int) -> tuple[str | None, bool]:
        """Told one by one, if any is known, and whether all of them are."""
        parts = ends.split(text)
        told = [self.tell(part, deep - 1) for part in parts] if 1 < len(parts) <= _MOST_PARTS else parts
        same = [one == other for one, other in zip(told, parts, strict=True)]
        return (None if all(same) else glue.join(told)), not any(same)

    def _who_why(self, text: str, deep: int) -> str | None:
        who, colon, why = text.partition(": ")
        told = self.tell(why, deep - 1) if colon and why else why
        return f"{who}: {told}" if told != why else None


class _Template:
    """One sentence with places to be filled, and the same in another language."""

    def __init__(self, text: str, told: str) -> None:
        pieces = _PLACE.split(text)
        self.told = told
        self._names = pieces[1::2]
        self._head, *self._between, self._tail = (piece.replace("%%", "%") for piece in pieces[::2])

    @property
    def words(self) -> int:
        """Letters that are its own."""
        return len(self._head) + len(self._tail) + sum(map(len, self._between))

    def values_in(self, text: str) -> dict[str, str] | None:
        """What fills the places, each as short as can be; ``None`` when ``text`` is another sentence."""
        if not (text.startswith(self._head) and text.endswith(self._tail) and len(text) >= self.words):
            return None
        at, end = len(self._head), len(text) - len(self._tail)
        values: list[str] = []
        for piece in self._between:
            found = text.find(piece, at, end)
            if found < 0:
                return None
            values.append(text[at:found])
            at = found + len(piece)
        values.append(text[at:end])
        filled = dict(zip(self._names, values, strict=True))
        same = all(filled[name] == value for name, value in zip(self._names, values, strict=True))
        return filled if same else None


@functools.lru_cache(maxsize=8)
def _templates(words: catalogues.NullTranslations) -> list[_Template]:
    """Every template with its translation, the one with the most words of its own first."""
    # The standard library has no way to list a catalogue.
    known: dict[object, str] = getattr(words, "_catalog", {})
    prefix = CONTEXT + _SEPARATOR
    found = [
        _Template(key.removeprefix(prefix), told)
        for key, told in known.items()
        if isinstance(key, str) and key.startswith(prefix) and _PLACE.search(key)
    ]
    return sorted(found, key=lambda template: template.words, reverse=True)
