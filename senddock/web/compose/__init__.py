"""The section's blueprint."""

from senddock.web.compose.views import bp

__all__ = ["bp"]
