"""Going back to the page on which a button was pressed, and to nowhere else."""

from urllib.parse import urlsplit

from flask import request


def came_from(otherwise: str = "/") -> str:
    """Path and query of the page that sent the form; ``otherwise`` when it is another site's or is not told."""
    return _local(request.referrer) or otherwise


def page_in_sight() -> str:
    """Path and query of the page that a person looks at: neither a fragment of it nor where one of its forms goes."""
    shown = request.headers.get("HX-Current-URL") or request.referrer
    asked_for = request.method == "GET" and not request.headers.get("HX-Request")
    return request.full_path.rstrip("?") if asked_for else _local(shown) or "/"


def _local(address: str | None) -> str | None:
    try:
        parts = urlsplit(address or "")
    except ValueError:
        # Such as "http://[": no browser writes that.
        return None
    if not parts.path or parts.netloc not in ("", request.host) or parts.path.startswith(("//", "/\\")):
        return None
    return parts.path + (f"?{parts.query}" if parts.query else "")
