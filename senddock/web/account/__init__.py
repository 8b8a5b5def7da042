"""`/account`: a person's own password, second factor and browsers."""

from senddock.web.account.views import bp

__all__ = ["bp"]
