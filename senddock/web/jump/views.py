"""`/jump`: any page, provider or message by a few letters or its id; Ctrl/⌘ K opens it everywhere."""

from typing import Any

from flask import Blueprint, request, url_for

from senddock.dispatch import log_list, providers
from senddock.web.htmx import page_or_fragment
from senddock.web.language import gettext as _
from senddock.web.navigation import sections
from senddock.web.services import services

bp = Blueprint("jump", __name__)
#: Shown of each kind.
_MOST = 8


@bp.get("/jump")
def index() -> Any:
    """The places that fit what was typed so far; everything when nothing was."""
    wanted = request.args.get("q", "").strip()[:200]
    places = [
        {"href": section.href, "title": section.title, "kind": _("Page"), "icon": section.icon}
        for section in sections()
        if wanted.lower() in section.title.lower()
    ]
    places += [
        {
            "href": url_for("smtp.edit", provider_id=row.id),
            "title": row.name,
            "kind": _("Provider"),
            "icon": "mail-forward",
        }
        for row in providers.all_providers(services().database)
        if wanted and (wanted.lower() in row.name.lower() or wanted.lower() in row.host.lower())
    ][:_MOST]
    if len(wanted) > 2:
        places += _messages(wanted)
    return page_or_fragment("jump/index.html", "jump/_places.html", places=places, wanted=wanted)


def _messages(wanted: str) -> list[dict[str, str]]:
    """By id or recipient at once; everything else is a search of the log."""
    with services().database.read() as session:
        rows = log_list.named(session, wanted, limit=_MOST)
    found = [
        {
            "href": url_for("logs.show", message_id=row.id),
            "title": f"{row.subject or _('(no subject)')} → {row.to_header}",
            "kind": _("Message"),
            "icon": "mail",
        }
        for row in rows
    ]
    href = url_for("logs.index", text=wanted)
    title = _("Search the log for “%(text)s”") % {"text": wanted}
    return [*found, {"href": href, "title": title, "kind": _("Logs"), "icon": "search"}]
