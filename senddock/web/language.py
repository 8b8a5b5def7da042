"""The panel's language: gettext catalogues of this package, chosen by the person or by the browser.

Standard library at run time: Babel is only needed to extract and compile (`make translations`), so a process does not
carry it.
"""

import functools
import gettext as catalogues
from pathlib import Path
from typing import Any

from flask import Flask, g, has_request_context, request
from werkzeug.local import LocalProxy

#: Code to the language's own name; the first is the one the strings are written in.
LANGUAGES = {"en": "English", "es": "Español"}
COOKIE = "language"
_FOLDER = Path(__file__).resolve().parent / "locale"


def prepare(app: Flask) -> None:
    """Give templates `_()`, `ngettext()` and `{% trans %}`."""
    app.jinja_env.add_extension("jinja2.ext.i18n")
    app.jinja_env.policies["ext.i18n.trimmed"] = True
    app.jinja_env.install_gettext_callables(gettext, ngettext, newstyle=True)  # type: ignore[attr-defined]


def current() -> str:
    """The code of the language of this request: the person's choice, then the browser's wish, then English."""
    if not has_request_context():
        return "en"
    if "language" not in g:
        chosen = request.cookies.get(COOKIE, "")
        g.language = chosen if chosen in LANGUAGES else request.accept_languages.best_match(LANGUAGES) or "en"
    return str(g.language)


def gettext(text: str) -> str:
    """``text`` in the language of this request. In code imported as ``_``, so that extraction finds it."""
    return _catalogue(current()).gettext(text)


def ngettext(one: str, many: str, number: int) -> str:
    """The form that fits ``number``."""
    return _catalogue(current()).ngettext(one, many, number)


def lazy_gettext(text: str) -> Any:
    """For words at import time, such as a form's labels: translated when they are shown."""
    return LocalProxy(lambda: gettext(text))


@functools.cache
def _catalogue(code: str) -> catalogues.NullTranslations:
    return catalogues.translation("senddock", _FOLDER, [code], fallback=True)
