"""The section's blueprint."""

from senddock.web.overview.views import bp

__all__ = ["bp"]
