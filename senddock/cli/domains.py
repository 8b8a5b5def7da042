"""`senddock domain check`: SPF, DKIM, DMARC and MX of a sending domain, and what to publish."""

import sys
from typing import Any

import click

from senddock.cli.house import House, as_json, pass_house, show, table


@click.group()
def domain() -> None:
    """Sending domains."""


@domain.command("check")
@click.argument("name")
@click.option("--provider", "keys", multiple=True, help="Key of a provider that sends for it, such as resend.")
@click.option("--selector", multiple=True, help="A DKIM selector to look for; may be given several times.")
@as_json
@pass_house
def domain_check(house: House, name: str, keys: tuple[str, ...], selector: tuple[str, ...], as_json: bool) -> None:
    """Look the records up and say what is missing."""
    from senddock.domain.dns_records.known import known_profile
    from senddock.domains.check import check_domain
    from senddock.domains.name import InvalidDomain
    from senddock.domains.resolver import DnsResolver

    profiles = {key: known_profile(key) for key in keys}
    unknown = [key for key, profile in profiles.items() if profile is None]
    if unknown:
        raise click.ClickException(f"No provider is called {', '.join(unknown)}: give a key such as resend or ses.")
    try:
        report = check_domain(
            name,
            providers=[profile for profile in profiles.values() if profile is not None],
            selectors=selector,
            resolver=DnsResolver(house.settings.dns_servers),
        ).to_json()
    except InvalidDomain as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        show(report)
    else:
        _print(report)
    if "fail" in (report["spf"]["status"], report["dmarc"]["status"]):
        sys.exit(1)


@domain.command("list")
@as_json
@pass_house
def domain_list(house: House, as_json: bool) -> None:
    """The domains mail is sent from, with the standing of each provider as it was last checked."""
    from senddock.dispatch.outbox import utcnow
    from senddock.dispatch.sender_standing import standings
    from senddock.dispatch.sending_domains import all_domains, providers_in_use, titles

    with house.database.read() as session:
        rows = all_domains(session, utcnow())
        names = titles(providers_in_use(session))
        found = [item for item in standings(session) if str(item.provider_id) in names]
    listed: list[dict[str, Any]] = [
        {
            "domain": row.name,
            "status": row.status,
            "checked_at": row.checked_at.isoformat() if row.checked_at else None,
            "providers": [
                {
                    "id": item.provider_id,
                    "name": names[str(item.provider_id)],
                    "status": item.status,
                    "real_failover": item.real_failover,
                    "verdict": item.sentence,
                }
                for item in found
                if item.domain == row.name
            ],
        }
        for row in rows
    ]
    if as_json:
        show(listed)
        return
    lines = [
        [
            entry["domain"],
            entry["status"] or "not checked",
            ", ".join(
                f"{item['name']}: {item['status']}{'' if item['real_failover'] else ' (not a real failover)'}"
                for item in entry["providers"]
            ),
        ]
        for entry in listed
    ]
    table(["DOMAIN", "STATUS", "PROVIDERS"], lines, "No sending domain yet.")


def _print(report: dict[str, Any]) -> None:
    click.echo(f"SPF    {report['spf']['status']:<8} {report['spf']['record'] or ''}")
    for key in report["dkim"]:
        click.echo(f"DKIM   {key['status']:<8} {key['selector']}")
    click.echo(f"DMARC  {report['dmarc']['status']:<8} {report['dmarc']['record'] or ''}")
    walk = report["dmarc"]["tree_walk"]
    click.echo(f"       policy by RFC 7489: {_policy(report['dmarc'])}; by tree walk (DMARCbis): {_policy(walk)}")
    for text in (
        *report["spf"]["problems"],
        *report["dmarc"]["problems"],
        *report["dmarc"]["differences"],
        *report["mx_problems"],
    ):
        click.echo(f"! {text}")
    for item in report["providers"]:
        click.echo(f"{item['provider']}: {item['status']}. {item['verdict']}")
    for advice in report["advice"]:
        click.echo(f"→ {advice['type']} {advice['name']}\n  {advice['value']}\n  {advice['why']}")


def _policy(found: dict[str, Any]) -> str:
    return f"p={found['policy']} at _dmarc.{found['found_at']}" if found["policy"] else "none"
