"""Cells of a CSV file that a spreadsheet opens: what begins like a formula would be carried out there."""

import re

_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_QUOTED = re.compile(r"'+[=+\-@\t\r]")


def harmless(text: str) -> str:
    """``text`` with an apostrophe in front where a spreadsheet would run it."""
    return f"'{text}" if _FORMULA.match(text) else text


def original(text: str) -> str:
    """What `harmless` was given: an address may begin with a plus sign."""
    return text[1:] if _QUOTED.match(text) else text
