"""The section's blueprint."""

from senddock.web.domains.views import bp

__all__ = ["bp"]
