"""Flat JSON errors in the shape the Resend SDKs read: ``{"statusCode", "name", "message"}`` and members of our own."""

from typing import Any

from flask import Response, jsonify
from werkzeug.exceptions import HTTPException

from senddock.content.invalid import InvalidContent
from senddock.dispatch.refusals import Refused
from senddock.models import StorageUnavailable

_BY_STATUS = {
    400: ("validation_error", "The request could not be read."),
    404: ("not_found", "There is nothing at this address."),
    405: ("method_not_allowed", "This address does not take this method."),
    413: ("validation_error", "The request is too large."),
    415: ("validation_error", "Send JSON."),
}


class ApiError(Exception):
    """An answer other than success."""

    def __init__(self, status: int, name: str, message: str, **extra: Any) -> None:
        super().__init__(message)
        self.status = status
        self.name = name
        self.message = message
        self.extra = extra
        self.headers: dict[str, str] = {}

    def response(self) -> Response:
        """As it goes over the wire."""
        answer = jsonify({"statusCode": self.status, "name": self.name, "message": self.message, **self.extra})
        answer.status_code = self.status
        answer.headers.update(self.headers)
        return answer


def invalid(message: str, field: str | None = None, name: str = "validation_error") -> ApiError:
    """422 for one field."""
    return ApiError(422, name, message, **({"field": field} if field else {}))


def translate(error: Exception) -> ApiError:
    """Any exception as an answer; what nobody expected is a 500 without its text."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, InvalidContent):
        if error.field == "attachments":
            return invalid(error.message, error.field, "invalid_attachment")
        return invalid(
            error.message, error.field, "invalid_from_address" if error.field == "from" else "validation_error"
        )
    if isinstance(error, Refused):
        return _refused(error)
    if isinstance(error, StorageUnavailable):
        unavailable = ApiError(
            503, "application_error", "The message was not stored: the database takes no writes just now. Try again."
        )
        unavailable.headers["Retry-After"] = "5"
        return unavailable
    if isinstance(error, HTTPException):
        status = error.code or 500
        name, message = _BY_STATUS.get(status, ("application_error", error.description or "The request failed."))
        return ApiError(status, name, message)
    return ApiError(500, "internal_server_error", "Something went wrong here; the log of SendDock tells what.")


#: Status and name of each reason; the SDKs map (status, name) to their exception classes.
_BY_CODE = {
    "not_found": (404, "not_found"),
    "key": (403, "invalid_api_key"),
    "not_allowed": (403, "validation_error"),
    "reading": (401, "restricted_api_key"),
}


def _refused(error: Refused) -> ApiError:
    status, name = _BY_CODE.get(error.code, (422, "validation_error"))
    return ApiError(status, name, error.message, **({"field": error.field} if error.field else {}))
