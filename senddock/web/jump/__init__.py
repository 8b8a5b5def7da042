"""Going anywhere from the keyboard."""

from senddock.web.jump.views import bp

__all__ = ["bp"]
