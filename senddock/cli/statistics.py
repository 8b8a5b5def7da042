"""Commands about the statistics."""

import csv
import sys
from datetime import UTC, datetime
from typing import Any

import click

from senddock.cli.house import House, as_json, done, pass_house, progress_to, show, table
from senddock.domain.span import SPANS


@click.group()
def statistics() -> None:
    """What went out, through whom, and what went wrong."""


@statistics.command("show")
@click.option("--span", type=click.Choice(list(SPANS)), default="24h", show_default=True)
@as_json
@pass_house
def statistics_show(house: House, span: str, as_json: bool) -> None:
    """Show totals by provider."""
    from senddock.dispatch import journal
    from senddock.dispatch.statistics_report import report

    with house.database.read() as session:
        found = report(session, datetime.now(UTC), SPANS[span])
        names = journal.provider_names(session)
    fields = ["accepted", "soft", "refused", "uncertain", "faults", "attempts", "failed_over", "p50", "p95"]
    rows: list[dict[str, Any]] = [
        {"provider_id": key, "provider": names.get(key), **{name: getattr(totals, name) for name in fields}}
        for key, totals in found.providers.items()
    ]
    show({"span": span, "providers": rows, "classes": found.classes}) if as_json else table(
        ["PROVIDER", *(name.upper() for name in fields)],
        [[row["provider"], *(_short(row[name]) for name in fields)] for row in rows],
        "Nothing was sent in this time.",
    )


@statistics.command("export")
@click.option("--span", type=click.Choice(list(SPANS)), default="30d", show_default=True)
@click.option("--by", type=click.Choice(["hour", "domain"]), default="hour", show_default=True)
@pass_house
def statistics_export(house: House, span: str, by: str) -> None:
    """Write the figures as CSV to standard output."""
    from senddock.dispatch.statistics_report import export

    csv.writer(sys.stdout).writerows(export(house.database, datetime.now(UTC), SPANS[span], by))


@statistics.command("rebuild")
@as_json
@pass_house
def statistics_rebuild(house: House, as_json: bool) -> None:
    """Count the hours that are over anew from the attempts; hours whose messages were pruned stay as they are."""
    from senddock.dispatch.rebuilding import rebuild

    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    with progress_to("Counting") as progress:
        replaced, kept = rebuild(house.database, until=hour, progress=progress)
    sentence = f"{replaced} hours were counted anew; {kept} were kept, because their messages are gone."
    done({"counted": replaced, "kept": kept}, sentence, as_json)


def _short(value: Any) -> Any:
    return round(value, 1) if isinstance(value, float) else value
