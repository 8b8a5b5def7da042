"""`senddock suppression …`: addresses that are not written to."""

from pathlib import Path

import click

from senddock.cli.house import House, as_json, pass_house, progress_to, show, table


@click.group()
def suppression() -> None:
    """Addresses that must not be written to again."""


@suppression.command("list")
@click.option("--search", default="", help="A part of the address.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True)
@as_json
@pass_house
def suppression_list(house: House, search: str, limit: int, as_json: bool) -> None:
    """The newest first."""
    from senddock.dispatch import suppressions

    with house.database.read() as session:
        rows, _ = suppressions.page(session, None, text=search, limit=limit)
    if as_json:
        shown = "id project_id address origin source_message_id note".split()
        show(
            [{**{name: getattr(row, name) for name in shown}, "created_at": row.created_at.isoformat()} for row in rows]
        )
        return
    lines = [[row.address, row.origin, row.created_at.strftime("%Y-%m-%d %H:%M"), row.note] for row in rows]
    table(["ADDRESS", "ORIGIN", "SINCE (UTC)", "NOTE"], lines, "No address is suppressed.")


@suppression.command("add")
@click.argument("address")
@click.option("--note", help="Why.")
@click.option("--project", help="Name of the project; the first when left out.")
@as_json
@pass_house
def suppression_add(house: House, address: str, note: str | None, project: str | None, as_json: bool) -> None:
    """Never write to ADDRESS again."""
    from senddock.dispatch import suppressions
    from senddock.dispatch.outbox import utcnow

    row = suppressions.add(house.database, _project(house, project), address, comment=note, now=utcnow())
    if as_json:
        show({"id": row.id, "address": row.address, "origin": row.origin})
    else:
        click.echo(f"{row.address} is not written to any more.")


@suppression.command("remove")
@click.argument("address")
@click.option("--project", help="Name of the project; the first when left out.")
@as_json
@pass_house
def suppression_remove(house: House, address: str, project: str | None, as_json: bool) -> None:
    """Let ADDRESS be written to again."""
    from senddock.dispatch import suppressions
    from senddock.dispatch.outbox import utcnow

    suppressions.remove(house.database, _project(house, project), address, utcnow())
    if as_json:
        show({"address": address.strip().lower(), "removed": True})
    else:
        click.echo(f"{address} may be written to again.")


@suppression.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--project", help="Name of the project; the first when left out.")
@as_json
@pass_house
def suppression_import(house: House, file: Path, project: str | None, as_json: bool) -> None:
    """Add the addresses of a CSV file."""
    from senddock.dispatch import suppressions
    from senddock.dispatch.outbox import utcnow

    project_id = _project(house, project)
    with progress_to("Importing") as progress:
        done = suppressions.import_csv(house.database, project_id, file.read_bytes(), utcnow(), progress)
    if as_json:
        refused = [{"line": line, "message": why} for line, why in done.refused]
        show({"added": done.added, "known": done.known, "refused": refused})
    else:
        click.echo(f"{done.added} added, {done.known} were on the list already.")
        for line, why in done.refused:
            click.echo(f"line {line}: {why}", err=True)


@suppression.command("export")
@pass_house
def suppression_export(house: House) -> None:
    """Print the whole list as CSV."""
    from senddock.dispatch import suppressions

    for line in suppressions.export_csv(house.database, None):
        click.echo(line, nl=False)


def _project(house: House, name: str | None) -> int:
    from senddock.dispatch.refusals import Refused
    from senddock.dispatch.streams import all_projects

    projects = all_projects(house.database)
    found = next((row.id for row in projects if name is None or row.name == name), None)
    if found is None:
        raise Refused(f"There is no project {name!r}.", field="project", code="not_found")
    return found
