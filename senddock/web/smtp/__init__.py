"""The section's blueprint."""

from senddock.web.smtp.views import bp

__all__ = ["bp"]
