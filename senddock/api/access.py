"""The request that Flask is serving, as a `Call`: for the resources that are reached through Flask."""

from flask import Response, current_app, g, request

from senddock.api.call import Call
from senddock.api.services import ApiServices
from senddock.dispatch.caller import Caller


def services() -> ApiServices:
    """Those of this app."""
    found: ApiServices = current_app.extensions["senddock_api"]
    return found


def call() -> Call:
    """The request; the same object however often it is asked for."""
    if "call" not in g:
        g.call = Call(request.environ, services())
    made: Call = g.call
    return made


def caller() -> Caller:
    """Who presented the key of this request."""
    return call().caller


def authenticate() -> None:
    """Before every request; see `Call.authenticate`."""
    call().authenticate()


def tell_limits(response: Response) -> Response:
    """After every request with a key."""
    response.headers.extend(call().limits())
    return response
