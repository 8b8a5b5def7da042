"""SMTP settings: list, form, Test Connection."""

from senddock.web.smtp import order, testing, views
from senddock.web.smtp.blueprint import bp

__all__ = ["bp", "order", "testing", "views"]
