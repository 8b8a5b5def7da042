"""`/language`: the person's choice of language, kept in a cookie so that it works before signing in too."""

from typing import Any

from flask import Blueprint, request

from senddock.web.back import came_from
from senddock.web.htmx import redirect_to
from senddock.web.language import COOKIE, LANGUAGES

bp = Blueprint("preferences", __name__)
_YEAR = 365 * 24 * 3600


@bp.post("/language")
def language() -> Any:
    """Remember the choice and go back to where it was made."""
    response = redirect_to(came_from())
    chosen = request.form.get("language", "")
    if chosen in LANGUAGES:
        response.set_cookie(COOKIE, chosen, max_age=_YEAR, samesite="Lax", httponly=True, secure=request.is_secure)
    return response
