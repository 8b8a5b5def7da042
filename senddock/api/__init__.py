"""The HTTP API, in the shape of Resend's so that their SDKs work by changing the base address."""

from flask import Blueprint, Response

from senddock.api import description, emails, sending, streams
from senddock.api.access import authenticate, call, tell_limits
from senddock.api.failures import failed
from senddock.api.services import MAX_BODY, ApiServices
from senddock.api.shortcut import Shortcut

__all__ = ["MAX_BODY", "ApiServices", "Shortcut", "blueprint", "error_response"]


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
    return failed(error, call()).response()
