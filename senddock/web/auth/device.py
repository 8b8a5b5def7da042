"""The cookie by which an account knows a browser again. It opens nothing; it only keeps strangers' guesses apart."""

import secrets

from flask import Response, current_app, request
from itsdangerous import BadSignature, URLSafeTimedSerializer

_COOKIE = "senddock_device"
_MAX_AGE = 365 * 86_400


def known_device(account: str) -> str | None:
    """The name of this browser when it has signed in to ``account`` before."""
    try:
        named, owner = _signer().loads(request.cookies.get(_COOKIE, ""), max_age=_MAX_AGE)
    except (BadSignature, ValueError, TypeError):
        return None
    return str(named) if owner == account.strip().lower() else None


def remember_device(response: Response, account: str) -> None:
    """Let ``account`` know this browser again for a year."""
    response.set_cookie(
        _COOKIE,
        str(_signer().dumps([known_device(account) or secrets.token_hex(8), account.strip().lower()])),
        max_age=_MAX_AGE,
        secure=bool(current_app.config["SESSION_COOKIE_SECURE"]),
        httponly=True,
        samesite="Lax",
    )


def _signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(current_app.secret_key or b"", salt="device")
