"""The section's blueprint."""

from senddock.web.suppressions.views import bp

__all__ = ["bp"]
