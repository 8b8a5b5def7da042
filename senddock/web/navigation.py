"""The sections of the panel in the order of the navigation; one that is not there is not shown."""

from collections.abc import Iterator
from dataclasses import dataclass

from flask import current_app, request, url_for

from senddock.web.language import lazy_gettext as _l

_SECTIONS = (
    ("overview.index", _l("Overview"), "layout-dashboard"),
    ("smtp.index", _l("SMTP Settings"), "mail-forward"),
    ("routing.index", _l("Routing"), "route"),
    ("logs.index", _l("Logs"), "list-details"),
    ("domains.index", _l("Domains"), "world-www"),
    ("compose.index", _l("Send"), "send"),
    ("keys.index", _l("API Keys"), "key"),
    ("suppressions.index", _l("Suppressions"), "ban"),
    ("alerts.index", _l("Alerts"), "bell"),
    ("webhooks.index", _l("Webhooks"), "webhook"),
    ("guides.index", _l("Guides"), "book"),
    ("users.index", _l("Users"), "users"),
    ("settings.index", _l("Settings"), "settings"),
)


@dataclass(frozen=True, slots=True)
class Section:
    """One entry."""

    href: str
    title: str
    icon: str
    current: bool


def sections() -> Iterator[Section]:
    """Those whose blueprint is registered."""
    here = (request.endpoint or "").partition(".")[0]
    for endpoint, title, icon in _SECTIONS:
        if endpoint in current_app.view_functions:
            yield Section(url_for(endpoint), str(title), icon, endpoint.partition(".")[0] == here)
