"""`/suppressions`: addresses that are not written to."""

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, flash, request, url_for
from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from wtforms import SelectField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length

from senddock.dispatch import suppressions
from senddock.dispatch.refusals import Refused
from senddock.dispatch.streams import all_projects
from senddock.domain.whole_number import LARGEST_BIG, whole_number
from senddock.web.htmx import page_or_fragment, redirect_to
from senddock.web.language import gettext as _
from senddock.web.language import lazy_gettext as _l
from senddock.web.services import services

bp = Blueprint("suppressions", __name__, url_prefix="/suppressions")


class AddForm(FlaskForm):  # type: ignore[misc]
    """One address."""

    address = StringField(_l("Address"), [InputRequired(_l("Enter an address.")), Length(max=320)])
    comment = StringField(_l("Note"), [Length(max=500)])
    project = SelectField(_l("Project"), coerce=int)


class ImportForm(FlaskForm):  # type: ignore[misc]
    """A file of addresses."""

    file = FileField(_l("CSV file"))
    project = SelectField(_l("Project"), coerce=int)


@bp.get("")
def index() -> Any:
    """The list, the newest first."""
    return _list(_with_projects(AddForm(formdata=None)))


@bp.post("")
def add() -> Any:
    """Suppress an address."""
    form = _with_projects(AddForm())
    if form.validate():
        try:
            made = suppressions.add(
                services().database,
                form.project.data,
                form.address.data,
                comment=form.comment.data or None,
                now=datetime.now(UTC),
            )
        except Refused as error:
            form.address.errors = [error.message]
        else:
            flash(_("%(address)s is not written to any more.") % {"address": made.address}, "success")
            return redirect_to(url_for("suppressions.index"))
    return _list(form, status=422)


@bp.post("/remove")
def remove() -> Any:
    """Let an address be written to again."""
    address, project = request.form.get("address", ""), whole_number(request.form.get("project")) or 0
    try:
        suppressions.remove(services().database, project, address, datetime.now(UTC))
    except Refused as error:
        flash(error.message, "error")
    else:
        flash(_("%(address)s may be written to again.") % {"address": address}, "success")
    return redirect_to(url_for("suppressions.index"))


@bp.post("/import")
def import_file() -> Any:
    """Add the addresses of a file; what cannot be read is told line by line."""
    form = _with_projects(ImportForm())
    upload = request.files.get("file")
    content = upload.read(suppressions.MAX_IMPORT + 1) if upload is not None else b""
    if not content:
        flash(_("Choose a CSV file with one address in each line."), "error")
        return redirect_to(url_for("suppressions.index"))
    try:
        done = suppressions.import_csv(services().database, form.project.data, content, datetime.now(UTC))
    except Refused as error:
        flash(error.message, "error")
    else:
        counts = {"added": done.added, "known": done.known}
        flash(_("%(added)d added, %(known)d were on the list already.") % counts, "success")
        for line, why in done.refused[:10]:
            flash(_("Line %(line)d: %(why)s") % {"line": line, "why": why}, "error")
        if len(done.refused) > 10:
            flash(_("And %(count)d more lines that could not be read.") % {"count": len(done.refused) - 10}, "error")
    return redirect_to(url_for("suppressions.index"))


@bp.get("/export.csv")
def export() -> Response:
    """The whole list."""
    lines = suppressions.export_csv(services().database, whole_number(request.args.get("project")))
    headers = {"Content-Disposition": "attachment; filename=senddock-suppressions.csv"}
    return Response(lines, mimetype="text/csv", headers=headers)


def _with_projects(form: Any) -> Any:
    projects = all_projects(services().database)
    form.project.choices = [SelectChoice(row.id, row.name) for row in projects]
    if form.project.data is None:
        form.project.data = projects[0].id
    return form


def _list(form: AddForm, *, status: int = 200) -> Any:
    text = request.args.get("q", "")[:320]
    with services().database.read() as session:
        rows, older = suppressions.page(
            session, None, text=text, before=whole_number(request.args.get("before"), LARGEST_BIG)
        )
    return page_or_fragment(
        "suppressions/index.html",
        "suppressions/_list.html",
        http_status=status,
        form=form,
        upload=_with_projects(ImportForm(formdata=None)),
        projects={row.id: row.name for row in all_projects(services().database)},
        rows=rows,
        older=older,
        text=text,
    )
