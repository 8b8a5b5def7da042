"""The section's blueprint."""

from senddock.web.teaching.views import bp

__all__ = ["bp"]
