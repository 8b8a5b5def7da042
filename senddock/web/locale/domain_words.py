"""Extraction of words that the inner rooms keep as plain English: titles and hints of verdicts, findings, reasons, refusals.

They know no gettext. Their sentences are looked up when they are shown, so they have to be in the catalogue too: a plain
string as itself, an f-string as its template in the context ``sentence`` (see `senddock.web.retelling`).
"""

import ast
import re
import tomllib
from collections.abc import Iterator
from typing import IO, Any, TypeGuard

#: The context of templates, which are recognised rather than looked up.
CONTEXT = "sentence"
_WORD = re.compile(r"(?<![\w.@/<%(-])[A-Za-z][a-z'’]+(?![\w@/>=(-])")
#: Patterns, types, and lines of the log.
_NO_SENTENCE = re.compile(r"\\|\||%[sdr]|^<")
#: Members of the catalogue of providers and of the rule pack that the panel shows; the rest stands in guides.
_FOR_PEOPLE = frozenset(
    {"hint", "cost", "best_for", "username.text", "password.text", "sandbox.text", "looks", "what", "advice"}
)
Found = tuple[int, str | None, str | tuple[str, str], list[str]]


def sentences(file: IO[bytes], *_: Any, **__: Any) -> Iterator[Found]:
    """A Babel extraction method for Python: what reads like a sentence and is no docstring."""
    tree = ast.parse(file.read())
    joined = [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)]
    skipped = {id(part) for node in joined for part in ast.walk(node) if part is not node}
    # Docstrings, and lists of names written as one string.
    skipped |= {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr | ast.Attribute)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in skipped and _is_sentence(node.value):
            yield node.lineno, None, node.value.strip(), []
            if "%(" in node.value:
                yield node.lineno, "pgettext", (CONTEXT, node.value.strip()), []
        elif isinstance(node, ast.JoinedStr) and id(node) not in skipped and len(_WORD.findall(_literal(node))) > 1:
            yield node.lineno, "pgettext", (CONTEXT, _template(node)), []


def facts(file: IO[bytes], *_: Any, **__: Any) -> Iterator[Found]:
    """A Babel extraction method for the catalogue's TOML."""
    yield from ((1, None, text, []) for text in _told(tomllib.loads(file.read().decode())))


def _told(value: Any, names: tuple[str, ...] = ()) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _told(item, (*names, key))
    elif isinstance(value, list):
        for item in value:
            yield from _told(item, names)
    elif isinstance(value, str) and value.strip() and {names[-1], ".".join(names[-2:])} & _FOR_PEOPLE:
        yield value.strip()


def _is_sentence(value: object) -> TypeGuard[str]:
    if not isinstance(value, str) or " " not in value.strip() or _NO_SENTENCE.search(value):
        return False
    return value.strip()[:1].isupper() or len(_WORD.findall(value)) > 2


def _literal(node: ast.JoinedStr) -> str:
    return " ".join(str(part.value) for part in node.values if isinstance(part, ast.Constant))


def _template(node: ast.JoinedStr) -> str:
    """The f-string as gettext writes it; a place is named after what fills it."""
    names: dict[str, str] = {}
    parts = []
    for part in node.values:
        if isinstance(part, ast.Constant):
            parts.append(str(part.value).replace("%", "%%"))
        elif isinstance(part, ast.FormattedValue):
            filled = ast.unparse(part.value)
            found = re.findall(r"[A-Za-z_]+", filled) if isinstance(part.value, ast.Name | ast.Attribute) else []
            wanted = found[-1].strip("_").lower() if found else "value"
            while names.setdefault(wanted, filled) != filled:
                wanted += "_"
            parts.append(f"%({wanted})s")
    return "".join(parts).strip()
