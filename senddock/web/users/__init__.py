"""`/users`: who operates this panel."""

from senddock.web.users.views import bp

__all__ = ["bp"]
