"""Static files: their addresses carry a hash of their content, so that a browser keeps them until they change."""

import functools
import hashlib
from pathlib import Path
from typing import Any

from flask import Flask, Response, request

_FOREVER = "public, max-age=31536000, immutable"


def prepare(app: Flask) -> None:
    """``url_for('static', …)`` adds the hash; what is asked for with it, or lies in a folder of a version, may be kept."""
    folder = Path(app.static_folder or "")

    @app.url_defaults
    def add_hash(endpoint: str, values: dict[str, Any]) -> None:
        if endpoint == "static" and "filename" in values:
            values.setdefault("v", _hash(folder / values["filename"]))

    app.after_request(_keep)


def _keep(response: Response) -> Response:
    if request.path.startswith("/static/") and response.status_code in (200, 304):
        for_ever = "v" in request.args or request.path.startswith("/static/vendor/")
        response.headers["Cache-Control"] = _FOREVER if for_ever else "no-cache"
    return response


@functools.cache
def _hash(path: Path) -> str | None:
    """Twelve digits; ``None`` leaves it out for a file that is not there."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12] if path.is_file() else None
