"""The panel's language: gettext catalogues of this package, chosen by the person or by the browser.

Standard library at run time: Babel is only needed to extract and compile (`make translations`), so a process does not
carry it.
"""

import functools
import gettext as catalogues
from pathlib import Path
from typing import Any

from flask import Flask, g, has_request_context, request
from markupsafe import Markup
from werkzeug.local import LocalProxy

#: Code to the language's own name; the first is the one the strings are written in.
LANGUAGES = {"en": "English", "es": "Español"}
COOKIE = "language"
_FOLDER = Path(__file__).resolve().parent / "locale"


def prepare(app: Flask) -> None:
    """Give templates `_()`, `ngettext()` and `{% trans %}`."""
    app.jinja_env.add_extension("jinja2.ext.i18n")
    app.jinja_env.policies["ext.i18n.trimmed"] = True
    app.jinja_env.newstyle_gettext = True  # type: ignore[attr-defined]
    # What the extension would install looks each word up anew, hundreds of times a page.
    app.jinja_env.globals.update(_=_shown, gettext=_shown, ngettext=_counted)


def current() -> str:
    """The code of the language of this request: the person's choice, then the browser's wish, then English."""
    if not has_request_context():
        return "en"
    known: str | None = g.get("language")
    if known is None:
        chosen = request.cookies.get(COOKIE, "")
        known = chosen if chosen in LANGUAGES else request.accept_languages.best_match(LANGUAGES) or "en"
        g.language = known
    return known


def gettext(text: str) -> str:
    """``text`` in the language of this request. In code imported as ``_``, so that extraction finds it."""
    return catalogue(current()).gettext(text)


def ngettext(one: str, many: str, number: int) -> str:
    """The form that fits ``number``."""
    return catalogue(current()).ngettext(one, many, number)


def lazy_gettext(text: str) -> Any:
    """For words at import time, such as a form's labels: translated when they are shown."""
    return LocalProxy(lambda: gettext(text))


def _shown(text: str, /, **variables: Any) -> Markup:
    """In templates: markup with its variables escaped; ``%`` is written as ``%%``."""
    code = current()
    return _form(code, text) % variables if variables else _finished(code, text)


def _counted(one: str, many: str, number: int, /, **variables: Any) -> Markup:
    """In templates: the form that fits ``number``, which is ``num`` in the text."""
    code = current()
    if variables == {"count": number}:
        return _with_count(code, one, many, number)
    return _form(code, one, many, number) % {"num": number, **variables}


@functools.lru_cache(4096)
def _finished(code: str, text: str) -> Markup:
    return _form(code, text) % ()


@functools.lru_cache(1024)
def _with_count(code: str, one: str, many: str, number: int) -> Markup:
    return _form(code, one, many, number) % {"num": number, "count": number}


def _form(code: str, text: str, many: str = "", number: int = 1) -> Markup:
    known = catalogue(code)
    return Markup(known.ngettext(text, many, number) if many else known.gettext(text))  # noqa: S704 - our own words


@functools.cache
def catalogue(code: str) -> catalogues.NullTranslations:
    """The words of one language; of English none are kept."""
    return catalogues.translation("senddock", _FOLDER, [code], fallback=True)
