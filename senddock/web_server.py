"""gunicorn around the app: one process with threads, because SQLite has one writer and memory is small."""

from typing import TYPE_CHECKING, Any

from gunicorn.app.base import BaseApplication

from senddock.app import create_app
from senddock.config import Settings
from senddock.dispatch.collector import calm_collector
from senddock.models import Database
from senddock.secrets.vault import Vault

if TYPE_CHECKING:
    from redis import Redis


class _Server(BaseApplication):  # type: ignore[misc]
    def __init__(self, app: Any, options: dict[str, Any]) -> None:
        self._app = app
        self._options = options
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        return self._app


def serve(settings: Settings, vault: Vault, database: Database, redis: "Redis") -> None:
    """Serve until SIGTERM."""
    # The pool must not cross the fork.
    database.close()
    host, port = settings.web_bind
    options = {
        "bind": f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
        "workers": 1,
        "threads": 16,
        "worker_class": "gthread",
        "timeout": 120,
        "graceful_timeout": 25,
        "keepalive": 5,
        "accesslog": None,
        "loglevel": "warning",
        "control_socket_disable": True,
    }
    app = create_app(settings, vault=vault, redis=redis)
    calm_collector(5_000)
    known = _Server(app, {}).cfg.settings
    _Server(app, {name: value for name, value in options.items() if name in known}).run()
