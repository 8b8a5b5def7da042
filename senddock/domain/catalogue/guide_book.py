"""The guides: one for each provider, and those about a topic. Markdown whose facts are filled in from the catalogue."""

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources

from senddock.domain.catalogue import catalogue
from senddock.domain.catalogue.entry import Entry
from senddock.domain.catalogue.guide_sections import SECTIONS
from senddock.domain.catalogue.troubles import troubles

#: Topics in the order in which they are read; the names are those of the user documentation's links.
TOPICS = (
    "smtp-configuration",
    "ports-and-encryption",
    "from-address",
    "failover-system",
    "deliverability",
    "troubleshooting",
    "credential-security",
    "changing-provider",
    "http-api",
)
#: Other names under which people look for a guide.
ALIASES = {
    "failover": "failover-system",
    "ports": "ports-and-encryption",
    "encryption": "ports-and-encryption",
    "from-name": "from-address",
    "change-provider": "changing-provider",
    "security": "credential-security",
    "smtp-troubleshooting": "troubleshooting",
    "index": "smtp-configuration",
    "api": "http-api",
}
_DIRECTIVE = re.compile(r"^\{\{([a-z]+)\}\}$", re.MULTILINE)
_TITLE = re.compile(r"\A# (.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Guide:
    """One page. ``text`` is Markdown without its title, facts filled in."""

    name: str
    title: str
    text: str
    entry: Entry | None


@functools.cache
def guide_book() -> Mapping[str, Guide]:
    """Every guide by its name, topics first. Raises ``KeyError`` for a directive that no section answers to."""
    book = {name: _guide(name, None) for name in TOPICS}
    return book | {entry.guide: _guide(entry.guide, entry) for entry in catalogue().values()}


def canonical_name(asked: str) -> str | None:
    """The name of the guide that was meant (``aws-ses.md``, ``ses``, ``failover``), or ``None``."""
    name = asked.removesuffix(".md").lower()
    name = ALIASES.get(name, name)
    entry = catalogue().get(name)
    name = entry.guide if entry is not None else name
    return name if name in guide_book() else None


def guide_source(name: str) -> str:
    """The Markdown as it is written, before facts are filled in."""
    return resources.files("senddock.domain.catalogue").joinpath("guides", f"{name}.md").read_text("utf-8")


def _guide(name: str, entry: Entry | None) -> Guide:
    source = guide_source(name)
    title = _TITLE.match(source)
    if title is None:
        raise ValueError(f"guides/{name}.md has no title.")
    body = source[title.end() :].strip()
    return Guide(name, title.group(1), _DIRECTIVE.sub(lambda found: _filled(found.group(1), entry), body), entry)


def _filled(directive: str, entry: Entry | None) -> str:
    if directive == "troubles":
        return troubles()
    if entry is None:
        return {"ratelimits": _rate_limits, "providers": _providers}[directive]()
    return SECTIONS[directive](entry)


def _rate_limits() -> str:
    lines = ["| Provider | Plan | Limit |", "| --- | --- | --- |"]
    for entry in catalogue().values():
        for row in SECTIONS["limits"](entry).split("\n\n")[0].splitlines()[2:]:
            plan, amount = row.strip("| ").split(" | ")[:2]
            lines.append(f"| [{entry.name}](./{entry.guide}.md#limits) | {plan} | {amount} |")
    return "\n".join(lines)


def _providers() -> str:
    lines = ["| Provider | Difficulty | Cost | Best for |", "| --- | --- | --- | --- |"]
    for entry in catalogue().values():
        card = SECTIONS["card"](entry).split(" · ")
        cells = [part.partition(":** ")[2] for part in card]
        lines.append(f"| [{entry.name}](./{entry.guide}.md) | {' | '.join(cells)} |")
    return "\n".join(lines)
