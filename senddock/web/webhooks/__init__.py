"""The section's blueprint."""

from senddock.web.webhooks.views import bp

__all__ = ["bp"]
