"""The tag=value lists of DKIM and DMARC records (RFC 6376 section 3.2)."""

import re

_TAG = re.compile(r"\s*([A-Za-z][A-Za-z0-9_]*)\s*=\s*(.*?)\s*", re.DOTALL)


class TagListError(ValueError):
    """The text is not a tag list; the message says where it breaks."""


def parse_tags(text: str) -> dict[str, str]:
    """Tags in their order. Raises `TagListError` for a part without `=` and for a tag that comes twice."""
    tags: dict[str, str] = {}
    parts = text.split(";")
    if not parts[-1].strip():
        parts.pop()
    for part in parts:
        found = _TAG.fullmatch(part)
        if found is None:
            raise TagListError(f"{part.strip()[:40]!r} is not of the form tag=value")
        name, value = found.groups()
        if name in tags:
            raise TagListError(f"the tag '{name}=' appears twice")
        tags[name] = value
    return tags
