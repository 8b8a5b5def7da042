"""Going back to the page on which a button was pressed, and to nowhere else."""

from urllib.parse import urlsplit

from flask import request


def came_from(otherwise: str = "/") -> str:
    """Path and query of the page that sent the form; ``otherwise`` when it is another site's or is not told."""
    before = urlsplit(request.referrer or "")
    if not before.path or before.netloc not in ("", request.host) or before.path.startswith(("//", "/\\")):
        return otherwise
    return before.path + (f"?{before.query}" if before.query else "")
