"""The panel: server-rendered pages, one package a section, fragments by HTMX."""

from typing import Any

from flask import Flask, render_template, request

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
    if request.headers.get("HX-Request") == "true" and code != 404:
        return render_template("errors/_error.html", code=code), code
    return render_template("errors/error.html", code=code), code
