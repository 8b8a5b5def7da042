"""`senddock doctor`: looks at everything a newcomer could get wrong and says what to do next."""

import sys

import click

from senddock.cli.house import House, as_json, pass_house, show

_MARKS = {"ok": "✓", "warn": "!", "fail": "✕"}


@click.command()
@click.option("--reach", is_flag=True, help="Also connect to every enabled provider (no mail is sent).")
@as_json
@pass_house
def doctor(house: House, reach: bool, as_json: bool) -> None:
    """Examine the installation and say what to do next."""
    from senddock.cli.examination import examine

    findings = list(examine(house, reach=reach))
    if as_json:
        show([{"check": item.check, "state": item.state, "found": item.found, "next": item.next} for item in findings])
    else:
        for item in findings:
            click.echo(f"{_MARKS[item.state]} {item.check:<16} {item.found}")
            if item.next:
                click.echo(f"  {'':<16} → {item.next}")
    if any(item.state == "fail" for item in findings):
        sys.exit(1)
