"""`create_app`: the one place where the web process is put together."""

import hashlib
import hmac
from typing import TYPE_CHECKING, Any

from flask import Flask, Request, Response, request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from flask_sqlalchemy import SQLAlchemy
from flask_wtf.csrf import CSRFProtect
from htmx_flask import Htmx
from sqlalchemy import text
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import IntegerConverter

from senddock import api, web
from senddock.api import ApiServices
from senddock.api.fetching import Fetcher
from senddock.assets import asset_folder
from senddock.config import Settings
from senddock.dispatch.channels import Channels
from senddock.dispatch.key_rate import KeyRate
from senddock.dispatch.keys import Keyring
from senddock.dispatch.outbox import Outbox
from senddock.dispatch.sender_advice import SenderAdvice
from senddock.dispatch.wake import Waker
from senddock.drain_body import DrainBody
from senddock.models import Base, Database, StorageUnavailable
from senddock.models.database import engine_options
from senddock.secrets.vault import Vault
from senddock.web.services import Services

if TYPE_CHECKING:
    from redis import Redis

_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

#: Header fields of every answer, and the one of all but static files.
_SECURE = (
    ("Content-Security-Policy", _CSP),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
)
_NOT_KEPT = ("Cache-Control", "no-store")


class _RowId(IntegerConverter):
    """A number in an address that a column can hold: a longer one is the number of nothing."""

    regex = "[0-9]{1,18}"


class _PanelSessions(SecureCookieSessionInterface):
    """The panel's cookie. Calls of the API bring a key instead, so no session is read or signed for them."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """The session of a page; for calls with a key one that cannot be used."""
        return None if request.path.startswith("/api/emails") else super().open_session(app, request)


def create_app(settings: Settings, *, vault: Vault, redis: "Redis") -> Flask:
    """The panel and the API. Opens nothing until the first request."""
    app = Flask("senddock", template_folder=str(asset_folder("templates")), static_folder=str(asset_folder("static")))
    app.url_map.strict_slashes = False
    app.url_map.converters["int"] = _RowId
    app.session_interface = _PanelSessions()
    app.config.update(
        SECRET_KEY=_session_key(vault),
        MAX_CONTENT_LENGTH=api.MAX_BODY,
        # A form's fields are read into memory; a body of the API is bounded by MAX_CONTENT_LENGTH.
        MAX_FORM_MEMORY_SIZE=30 * 1024 * 1024,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=(settings.public_url or "").startswith("https:"),
        WTF_CSRF_TIME_LIMIT=None,
        # Checked below: the API has keys instead of cookies, so nothing can be forged there.
        WTF_CSRF_CHECK_DEFAULT=False,
        SQLALCHEMY_DATABASE_URI=settings.database_url,
        SQLALCHEMY_ENGINE_OPTIONS=engine_options(settings.database_url, pool_size=10),
        TEMPLATES_AUTO_RELOAD=False,
        # Seconds that the strip of alerts may lag behind what others do.
        STRIP_AGE=3.0,
    )
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    db = SQLAlchemy(metadata=Base.metadata)
    db.init_app(app)
    Htmx(app)
    csrf = CSRFProtect(app)
    with app.app_context():
        database = Database(settings.database_url, engine=db.engine)
    waker = Waker(redis)
    outbox, advice = Outbox(database, waker), SenderAdvice(database)
    app.extensions["senddock"] = Services(
        database=database,
        vault=vault,
        redis=redis,
        outbox=outbox,
        waker=waker,
        advice=advice,
        public_url=settings.public_url,
        smtp_bind=settings.smtp_bind,
        metrics_token=settings.metrics_token,
    )
    app.extensions["senddock_api"] = ApiServices(
        database=database,
        outbox=outbox,
        wake=waker,
        keyring=Keyring(database),
        channels=Channels(database, "api"),
        rate=KeyRate(redis),
        public_url=settings.public_url,
        advice=advice,
        fetcher=Fetcher() if settings.attachment_urls else None,
    )
    routes = api.blueprint()
    app.register_blueprint(routes)
    web.register(app)

    @app.before_request
    def check_csrf() -> None:
        if not request.path.startswith("/api"):
            csrf.protect()

    _health(app, database, redis)
    _errors(app)
    app.after_request(_secure)
    app.wsgi_app = api.Shortcut(  # type: ignore[method-assign]
        app.wsgi_app, lambda: app.extensions["senddock_api"], [*_SECURE, _NOT_KEPT]
    )
    if settings.proxy_hops:
        # Each hop appends the address it was called from, so only as many are believed as there are proxies.
        hops = settings.proxy_hops
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    app.wsgi_app = DrainBody(app.wsgi_app)  # type: ignore[method-assign]
    return app


def _session_key(vault: Vault) -> bytes:
    """Signs the CSRF cookie; derived, so that there is one key to keep."""
    return hmac.new(vault.derive(b"session"), b"cookie", hashlib.sha256).digest()


def _health(app: Flask, database: Database, redis: "Redis") -> None:
    @app.get("/healthz")
    def healthz() -> Any:
        return {"status": "alive"}

    @app.get("/readyz")
    def readyz() -> Any:
        found = {}
        for name, ask in (("database", lambda: _ask(database)), ("redis", redis.ping)):
            try:
                ask()
                found[name] = "ok"
            except Exception as error:  # noqa: BLE001 - whatever is wrong with it, it is not ready
                found[name] = type(error).__name__
        ready = all(state == "ok" for state in found.values())
        return {"status": "ready" if ready else "not ready", **found}, 200 if ready else 503


def _ask(database: Database) -> None:
    with database.connect() as connection:
        connection.execute(text("SELECT 1"))


def _errors(app: Flask) -> None:
    def handle(error: Exception) -> Any:
        if request.path.startswith("/api/") or request.path == "/api":
            return api.error_response(error)
        if isinstance(error, HTTPException):
            if error.code is not None and error.code < 400:
                return error
            return web.error_page(error.code or 500)
        if isinstance(error, StorageUnavailable):
            return web.error_page(503)
        app.logger.error("a page failed", exc_info=error)
        return web.error_page(500)

    app.register_error_handler(Exception, handle)


def _secure(response: Response) -> Response:
    for name, value in _SECURE:
        response.headers.setdefault(name, value)
    if not request.path.startswith("/static/"):
        response.headers.setdefault(*_NOT_KEPT)
    return response
