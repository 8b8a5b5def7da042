"""Guides as HTML: headings with anchors, a table of contents, links between guides. HTML in the text stays text."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

_GIVEN = re.compile(r"\s*\{#([a-z0-9-]+)\}\s*$")
_RELATIVE = re.compile(r"^\./([a-z0-9-]+)\.md(#[a-z0-9-]+)?$")
_PARSER = MarkdownIt("commonmark", {"html": False, "typographer": False}).enable("table")


@dataclass(frozen=True, slots=True)
class Heading:
    """One line of the table of contents."""

    anchor: str
    title: str
    level: int


@dataclass(frozen=True, slots=True)
class Page:
    html: Markup
    contents: tuple[Heading, ...]


def render(text: str, address_of: Callable[[str], str]) -> Page:
    """``text`` is one of our own guides; ``address_of`` turns a guide's name into its address."""
    tokens = _PARSER.parse(text)
    contents: list[Heading] = []
    for at, token in enumerate(tokens):
        if token.type == "heading_open":
            contents.append(_anchored(token, tokens[at + 1]))
        for child in token.children or ():
            if child.type == "link_open":
                _point(child, address_of)
    html = _PARSER.renderer.render(tokens, _PARSER.options, {})
    html = html.replace("<table>", '<div class="table-responsive"><table class="table">').replace(
        "</table>", "</table></div>"
    )
    # Made by markdown-it with HTML turned off, from files of this package.
    return Page(Markup(html), tuple(contents))  # noqa: S704


def _anchored(opening: Token, inline: Token) -> Heading:
    given = _GIVEN.search(inline.content)
    title = _GIVEN.sub("", inline.content)
    if given and inline.children:
        last = inline.children[-1]
        last.content = _GIVEN.sub("", last.content)
    anchor = given.group(1) if given else slug(title)
    opening.attrSet("id", anchor)
    return Heading(anchor, re.sub(r"[`*]", "", title), int(opening.tag[1:]))


def slug(title: str) -> str:
    """An anchor from a heading: ``Domain verification`` becomes ``domain-verification``."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")


def _point(link: Token, address_of: Callable[[str], str]) -> None:
    found = _RELATIVE.match(str(link.attrGet("href") or ""))
    if found:
        link.attrSet("href", address_of(found.group(1)) + (found.group(2) or ""))
