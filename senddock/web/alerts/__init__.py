"""The section's blueprint."""

from senddock.web.alerts.views import bp

__all__ = ["bp"]
