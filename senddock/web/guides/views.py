"""`/guides`: how to set up each provider, how things work, and what a reply means."""

import functools
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for

from senddock.dispatch import teaching
from senddock.domain.catalogue import catalogue
from senddock.domain.catalogue.guide_book import TOPICS, canonical_name, guide_book
from senddock.domain.error_help import help_for
from senddock.domain.presets import PRESETS
from senddock.domain.reply import Stage, parse_reply
from senddock.domain.verdict import judge
from senddock.web.guides.markdown import Page, render
from senddock.web.htmx import page_or_fragment
from senddock.web.services import services

bp = Blueprint("guides", __name__, url_prefix="/guides")
#: Longer pastes are logs, not replies.
_LONGEST = 2000


@bp.get("")
def index() -> Any:
    """Topics, providers, and the box that explains a reply."""
    book = guide_book()
    return render_template(
        "guides/index.html", topics=[book[name] for name in TOPICS], cards=PRESETS.values(), **_asked()
    )


@bp.get("/explain")
def explain() -> Any:
    """What a pasted reply or library error means."""
    return page_or_fragment("guides/explain.html", "guides/_answer.html", **_asked())


@bp.get("/<name>")
def show(name: str) -> Any:
    """One guide; other spellings (``aws-ses.md``, ``ses``) lead to it."""
    known = canonical_name(name)
    if known is None:
        abort(404)
    if known != name:
        return redirect(url_for("guides.show", name=known), code=301)
    guide = guide_book()[known]
    return render_template("guides/show.html", guide=guide, page=_page(known), book=guide_book(), topics=TOPICS)


@functools.cache
def _page(name: str) -> Page:
    return render(guide_book()[name].text, lambda other: f"/guides/{canonical_name(other) or other}")


def _asked() -> dict[str, Any]:
    line = request.args.get("line", "").strip()[:_LONGEST]
    provider = request.args.get("provider") or None
    stage = request.args.get("stage", "")
    known_stage = Stage(stage) if stage in set(Stage) else None
    context: dict[str, Any] = {
        "line": line, "provider": provider, "stage": stage, "stages": list(Stage), "entries": catalogue().values(),
        "verdict": None,
    }  # fmt: skip
    if line:
        reply = parse_reply(line, known_stage)
        with services().database.read() as session:
            rules = teaching.pack(session)
        verdict = judge(reply, provider=provider, now=datetime.now(UTC), rules=rules)
        context |= {"reply": reply, "verdict": verdict, "help": help_for(verdict)}
    return context
