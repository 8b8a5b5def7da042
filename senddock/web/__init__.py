"""The panel: server-rendered pages, one package a section, fragments by HTMX."""

from typing import Any

from flask import Flask, render_template

from senddock.web import (
    account,
    alerts,
    auth,
    compose,
    domains,
    guides,
    jump,
    keys,
    logs,
    metrics,
    overview,
    preferences,
    routing,
    settings,
    shell,
    smtp,
    statistics,
    suppressions,
    teaching,
    users,
    webhooks,
)
from senddock.web.htmx import wants_fragment


def register(app: Flask) -> None:
    """Add every section to the app."""
    shell.prepare(app)
    for section in (
        auth,
        overview,
        smtp,
        routing,
        logs,
        statistics,
        metrics,
        compose,
        domains,
        alerts,
        suppressions,
        webhooks,
        guides,
        teaching,
        keys,
        users,
        account,
        settings,
        jump,
        preferences,
    ):
        app.register_blueprint(section.bp)


def error_page(code: int) -> Any:
    """A page for a person: what happened and what to do next."""
    # What asks the database may be what has failed, so the page of a defect asks nothing.
    template = "errors/_error.html" if wants_fragment() else "errors/error.html"
    return render_template(template, code=code, calm=code >= 500), code
