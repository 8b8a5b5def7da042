"""The section's blueprint."""

from senddock.web.statistics.views import bp

__all__ = ["bp"]
