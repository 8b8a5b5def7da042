"""The section's blueprint."""

from senddock.web.guides.views import bp

__all__ = ["bp"]
