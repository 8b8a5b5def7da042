"""Flat JSON errors in the shape the Resend SDKs read: ``{"statusCode", "name", "message"}`` and members of our own."""

from typing import Any

import msgspec
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from senddock.api.help import Topic, help_about, topic_of
from senddock.content.invalid import InvalidContent
from senddock.dispatch.refusals import Refused
from senddock.models import StorageUnavailable

_BY_STATUS = {
    400: ("validation_error", "The request could not be read."),
    404: ("not_found", "There is nothing at this address."),
    405: ("method_not_allowed", "This address does not take this method."),
    413: ("validation_error", "The request is too large: 150 MB of JSON, 40 MB of message after decoding."),
    415: ("validation_error", "Send JSON with Content-Type: application/json."),
}
#: Status and name of each reason for a refusal; the SDKs map (status, name) to their exception classes.
_BY_CODE = {
    "not_found": (404, "not_found"),
    "key": (403, "invalid_api_key"),
    "not_allowed": (403, "validation_error"),
    "reading": (401, "restricted_api_key"),
}


class ApiError(Exception):
    """An answer other than success."""

    def __init__(self, status: int, name: str, message: str, *, topic: Topic | None = None, **extra: Any) -> None:
        """Without ``topic`` it follows from the field, the name and the status."""
        super().__init__(message)
        self._topic = topic
        self.status = status
        self.name = name
        self.message = message
        self.extra = extra
        self.headers: dict[str, str] = {"WWW-Authenticate": "Bearer"} if status == 401 else {}

    @property
    def topic(self) -> Topic | None:
        """What it is about."""
        return self._topic or topic_of(self.status, self.name, self.extra.get("field"))

    def body(self, guides: str) -> bytes:
        """As it goes over the wire; ``guides`` is the address below which the guides stand."""
        body = {"statusCode": self.status, "name": self.name, "message": self.message, **self.extra}
        if self.topic is not None:
            told = help_about(self.topic)
            body |= {"hint": told.hint, "next_step": told.next_step, "guide": guides + told.guide}
        return msgspec.json.encode(body)


def invalid(
    message: str, field: str | None = None, name: str = "validation_error", topic: Topic | None = None
) -> ApiError:
    """422 for one field."""
    return ApiError(422, name, message, topic=topic, **({"field": field} if field else {}))


def translate(error: Exception) -> ApiError:
    """Any exception as an answer; what nobody expected is a 500 without its text."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, InvalidContent):
        names = {"attachments": "invalid_attachment", "from": "invalid_from_address"}
        return invalid(error.message, error.field, names.get(error.field, "validation_error"))
    if isinstance(error, Refused):
        status, name = _BY_CODE.get(error.code, (422, "validation_error"))
        topic = Topic.STATE if error.code == "conflict" and error.field is None else None
        return ApiError(status, name, error.message, topic=topic, **({"field": error.field} if error.field else {}))
    if isinstance(error, StorageUnavailable):
        unavailable = ApiError(
            503, "application_error", "The message was not stored: the database takes no writes just now. Try again."
        )
        unavailable.headers["Retry-After"] = "5"
        return unavailable
    if isinstance(error, HTTPException):
        status = error.code or 500
        name, message = _BY_STATUS.get(status, ("application_error", error.description or "The request failed."))
        answer = ApiError(status, name, message)
        if isinstance(error, MethodNotAllowed) and error.valid_methods:
            answer.headers["Allow"] = ", ".join(sorted(error.valid_methods))
        return answer
    return ApiError(500, "internal_server_error", "Something went wrong here; the log of SendDock tells what.")
