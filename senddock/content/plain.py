"""Text made from HTML, for readers that show no HTML: words, line breaks, lists, and the addresses of links."""

import re
from html.parser import HTMLParser

_BLOCKS = frozenset("p div h1 h2 h3 h4 h5 h6 ul ol table tr blockquote section article header footer pre".split())
_DECLARATION = re.compile(r"<!--|<!|<\?")
#: The beginning of a tag that has no end before the next one begins.
_UNFINISHED = re.compile(r"<(?=[^<>]*(?:<|\Z))")
_SILENT = frozenset({"style", "script", "head", "title", "template"})


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._silent = 0
        self._links: list[tuple[str, int]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _SILENT:
            self._silent += 1
        elif tag == "br":
            self.parts.append("\n")
        elif tag == "li":
            self.parts.append("\n- ")
        elif tag in _BLOCKS:
            self.parts.append("\n\n" if tag != "tr" else "\n")
        elif tag == "a":
            self._links.append((dict(attrs).get("href") or "", len(self.parts)))
        elif tag == "img" and dict(attrs).get("alt"):
            self.parts.append(dict(attrs)["alt"] or "")

    def handle_endtag(self, tag: str) -> None:
        if tag in _SILENT:
            self._silent = max(0, self._silent - 1)
        elif tag in _BLOCKS:
            self.parts.append("\n\n" if tag != "tr" else "\n")
        elif tag == "a" and self._links:
            href, since = self._links.pop()
            shown = "".join(self.parts[since:]).strip()
            if href.startswith(("http:", "https:", "mailto:")) and shown not in (href, href.removeprefix("mailto:")):
                self.parts.append(f" ({href})")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.parts.append(re.sub(r"\s+", " ", data))


def text_of(html: str) -> str:
    """Readable text of ``html``; never raises, whatever the markup."""
    reader = _Reader()
    reader.feed(_UNFINISHED.sub("&lt;", _without_declarations(html)))
    reader.close()
    lines = [line.strip() for line in "".join(reader.parts).split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _without_declarations(html: str) -> str:
    """Without comments, doctype and processing instructions.

    They hold no words, and the library's parser needs time that grows with the square of unfinished ones
    (CVE-2025-6069).
    """
    kept = []
    position = 0
    while (start := _DECLARATION.search(html, position)) is not None:
        kept.append(html[position : start.start()])
        ending = "-->" if start.group() == "<!--" else ">"
        end = html.find(ending, start.end())
        if end < 0:
            return "".join(kept)
        position = end + len(ending)
    kept.append(html[position:])
    return "".join(kept)
