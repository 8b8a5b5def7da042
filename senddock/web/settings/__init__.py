"""`/settings`: what is chosen for the whole installation, and how it is doing."""

from senddock.web.settings.views import bp

__all__ = ["bp"]
