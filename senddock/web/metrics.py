"""`/metrics` for Prometheus: with the token, or from this machine itself."""

import hmac
import ipaddress
from datetime import UTC, datetime

from flask import Blueprint, Response, request

from senddock import __version__
from senddock.dispatch.metrics import CONTENT_TYPE, exposition
from senddock.web.services import services

bp = Blueprint("metrics", __name__)


@bp.get("/metrics")
def metrics() -> Response:
    """Figures of the house; names of providers and streams are in them, addresses are not."""
    if not (_has_token() or _is_near()):
        return Response(
            "Send the token of SENDDOCK_METRICS_TOKEN as `Authorization: Bearer …`, or ask from this machine.\n",
            401,
            {"WWW-Authenticate": "Bearer"},
            mimetype="text/plain",
        )
    with services().database.read() as session:
        text = exposition(session, datetime.now(UTC), __version__)
    return Response(text, content_type=CONTENT_TYPE)


def _has_token() -> bool:
    wanted = services().metrics_token
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    if not wanted or scheme.lower() != "bearer":
        return False
    return hmac.compare_digest(given.strip().encode(), wanted.encode())


def _is_near() -> bool:
    """Asked from loopback and not on behalf of somebody else: a proxy on this machine says whom it speaks for."""
    if request.headers.get("X-Forwarded-For") or request.headers.get("Forwarded"):
        return False
    try:
        return ipaddress.ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        return False
