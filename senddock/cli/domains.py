"""`senddock domain check`: SPF, DKIM, DMARC and MX of a sending domain, and what to publish."""

import sys

import click

from senddock.cli.house import House, as_json, pass_house, show


@click.group()
def domain() -> None:
    """Sending domains."""


@domain.command("check")
@click.argument("name")
@click.option("--selector", multiple=True, help="A DKIM selector to look for; may be given several times.")
@as_json
@pass_house
def domain_check(house: House, name: str, selector: tuple[str, ...], as_json: bool) -> None:
    """Look the records up and say what is missing."""
    from senddock.domains.check import check_domain
    from senddock.domains.name import InvalidDomain
    from senddock.domains.resolver import DnsResolver

    try:
        report = check_domain(name, selectors=selector, resolver=DnsResolver(house.settings.dns_servers)).to_json()
    except InvalidDomain as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        show(report)
    else:
        click.echo(f"SPF    {report['spf']['status']:<8} {report['spf']['record'] or ''}")
        for key in report["dkim"]:
            click.echo(f"DKIM   {key['status']:<8} {key['selector']}")
        click.echo(f"DMARC  {report['dmarc']['status']:<8} {report['dmarc']['record'] or ''}")
        for advice in report["advice"]:
            click.echo(f"→ {advice['type']} {advice['name']}\n  {advice['value']}\n  {advice['why']}")
    if "fail" in (report["spf"]["status"], report["dmarc"]["status"]):
        sys.exit(1)
