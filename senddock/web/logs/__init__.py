"""The section's blueprint."""

from senddock.web.logs.views import bp

__all__ = ["bp"]
