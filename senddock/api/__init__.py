"""The HTTP API, in the shape of Resend's so that their SDKs work by changing the base address."""

import logging
import uuid

from flask import Blueprint, Response

from senddock.api import description, emails, sending, streams
from senddock.api.access import ApiServices, authenticate, server, tell_limits
from senddock.api.errors import translate

log = logging.getLogger(__name__)

#: Octets of one request: a list of integers takes five times the room of the bytes it stands for.
MAX_BODY = 150 * 1024 * 1024

__all__ = ["MAX_BODY", "ApiServices", "blueprint", "error_response"]


def blueprint() -> Blueprint:
    """Everything under ``/api``."""
    api = Blueprint("api", __name__, url_prefix="/api")
    api.register_error_handler(Exception, error_response)
    keyed = Blueprint("keyed", __name__)
    keyed.before_request(authenticate)
    keyed.after_request(tell_limits)
    for resource in (sending.bp, emails.bp, streams.bp):
        keyed.register_blueprint(resource)
    api.register_blueprint(keyed)
    api.register_blueprint(description.bp)
    return api


def error_response(error: Exception) -> Response:
    """Any exception under ``/api`` as flat JSON."""
    answer = translate(error)
    if answer.status == 500:
        answer.extra["request_id"] = reference = str(uuid.uuid4())
        log.error("an API request failed; its answer had request_id %s", reference, exc_info=error)
    return answer.response(f"{server()}/guides/")
