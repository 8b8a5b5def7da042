"""Signing in and out, and the first account."""

from senddock.web.auth.views import bp

__all__ = ["bp"]
