"""The HTTP API, in the shape of Resend's so that their SDKs work by changing the base address."""

import logging

from flask import Blueprint, Response

from senddock.api import emails
from senddock.api.access import ApiServices, authenticate
from senddock.api.errors import ApiError, translate

log = logging.getLogger(__name__)

#: Octets of one request: a list of integers takes five times the room of the bytes it stands for.
MAX_BODY = 150 * 1024 * 1024

__all__ = ["MAX_BODY", "ApiServices", "blueprint", "error_response"]


def blueprint() -> Blueprint:
    """Everything under ``/api``."""
    api = Blueprint("api", __name__, url_prefix="/api")
    api.before_request(authenticate)
    api.register_error_handler(Exception, error_response)
    api.register_blueprint(emails.bp)

    @api.route("/", defaults={"rest": ""}, methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    @api.route("/<path:rest>", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    def nothing(rest: str) -> Response:
        raise ApiError(404, "not_found", f"There is nothing at /api/{rest}.")

    return api


def error_response(error: Exception) -> Response:
    """Any exception under ``/api`` as flat JSON."""
    answer = translate(error)
    if answer.status == 500:
        log.error("an API request failed", exc_info=error)
    return answer.response()
