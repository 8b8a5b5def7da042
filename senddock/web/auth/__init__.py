"""Signing in and out, one-time links, and the second look before secrets."""

from senddock.web.auth import links
from senddock.web.auth.views import bp

__all__ = ["bp", "links"]
