"""The section's blueprint."""

from senddock.web.keys.views import bp

__all__ = ["bp"]
