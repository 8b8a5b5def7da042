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
    r"(why|reasons?|because|effect|error|what|what_else|who|others|state|advice|looks|clients|old|new)_*"
)
_ENDS = re.compile(r"(?<=\.) (?=[A-Z“])")
_AND = re.compile("; ")


def retold(text: str | None) -> str:
    """``text`` in the language of this request, as far as it is a sentence of ours."""
    return _told(current(), str(text)) if text else ""


@functools.lru_cache(maxsize=4096)
def _told(code: str, text: str) -> str:
    return text if code == "en" else Teller(catalogue(code)).tell(text)


class Teller:
    """Recognises sentences by one catalogue."""

    def __init__(self, words: catalogues.NullTranslations) -> None:
        self._words = words

    def tell(self, text: str) -> str:
        """``text`` in the catalogue's language; itself where it is not known."""
        if not text.strip():
            return text
        known = self._known(text)
        if known is not None:
            return known
        if text != text.strip():
            return text.replace(text.strip(), self.tell(text.strip()))
        parts = [self._in_parts(text, _ENDS, " "), self._in_parts(text, _AND, "; ")]
        whole = next((told for told, every in parts if every), None) or self._by_template(text)
        if whole is None and text.endswith(".") and (told := self.tell(text[:-1])) != text[:-1]:
            whole = f"{told}."
        return whole or next((told for told, _ in parts if told), None) or self._who_why(text) or text

    def _known(self, text: str) -> str | None:
        """A whole sentence, at the beginning of a line or inside one."""
        found = self._words.gettext(text)
        if found != text:
            return found
        small = text[:1].lower() + text[1:]
        found = self._words.gettext(small)
        return found[:1].upper() + found[1:] if found != small and " " in small else None

    def _by_template(self, text: str) -> str | None:
        for pattern, template in _templates(self._words):
            found = pattern.fullmatch(text)
            if found is not None:
                return template % {name: self._place(name, value) for name, value in found.groupdict().items()}
        return None

    def _place(self, name: str, value: str) -> str:
        return self.tell(value) if value and _TOLD.fullmatch(name) else value

    def _in_parts(self, text: str, ends: re.Pattern[str], glue: str) -> tuple[str | None, bool]:
        """Told one by one, if any is known, and whether all of them are."""
        parts = ends.split(text)
        told = [self.tell(part) for part in parts] if len(parts) > 1 else parts
        same = [one == other for one, other in zip(told, parts, strict=True)]
        return (None if all(same) else glue.join(told)), not any(same)

    def _who_why(self, text: str) -> str | None:
        who, colon, why = text.partition(": ")
        told = self.tell(why) if colon and why else why
        return f"{who}: {told}" if told != why else None


@functools.lru_cache(maxsize=8)
def _templates(words: catalogues.NullTranslations) -> list[tuple[re.Pattern[str], str]]:
    """Every template with its translation, the one with the most words of its own first."""
    # The standard library has no way to list a catalogue.
    known: dict[object, str] = getattr(words, "_catalog", {})
    prefix = CONTEXT + _SEPARATOR
    found = {
        key.removeprefix(prefix): told for key, told in known.items() if isinstance(key, str) and key.startswith(prefix)
    }
    ordered = sorted(found, key=lambda text: len(_PLACE.sub("", text)), reverse=True)
    return [(_pattern(text), found[text]) for text in ordered]


def _pattern(template: str) -> re.Pattern[str]:
    pieces, seen, at = [], set(), 0
    for place in _PLACE.finditer(template):
        name = place.group(1)
        pieces.append(re.escape(template[at : place.start()].replace("%%", "%")))
        pieces.append(f"(?P={name})" if name in seen else f"(?P<{name}>.*?)")
        seen.add(name)
        at = place.end()
    pieces.append(re.escape(template[at:].replace("%%", "%")))
    return re.compile("".join(pieces), re.DOTALL)
