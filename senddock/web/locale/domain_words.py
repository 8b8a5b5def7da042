"""Extraction of words that the pure rooms keep as plain text: titles and hints of verdicts, remarks, refusals.

The domain knows no gettext. Its sentences are looked up when they are shown, so they have to be in the catalogue too.
"""

import ast
from collections.abc import Iterator
from typing import IO, Any


def sentences(file: IO[bytes], *_: Any, **__: Any) -> Iterator[tuple[int, None, str, list[str]]]:
    """A Babel extraction method: every plain string of at least two words that is no docstring."""
    tree = ast.parse(file.read())
    skipped = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    skipped |= {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in skipped and _is_sentence(node.value):
            yield node.lineno, None, str(node.value), []


def _is_sentence(value: object) -> bool:
    return isinstance(value, str) and " " in value.strip() and value[:1].isupper()
