"""`senddock key …`: API keys."""

from datetime import UTC, datetime

import click

from senddock.cli.house import House, as_json, done, pass_house, show, table


@click.group()
def key() -> None:
    """API keys, for HTTP and the SMTP door."""


@key.command("create")
@click.option("--name", required=True)
@click.option("--project")
@click.option("--stream", multiple=True, help="A stream the key may use; the first is meant when none is named.")
@click.option("--scope", type=click.Choice(["full", "sending"]), default="full")
@click.option("--from-domain", multiple=True)
@click.option("--network", multiple=True)
@click.option("--expires", type=click.DateTime())
@as_json
@pass_house
def key_create(
    house: House,
    name: str,
    project: str | None,
    stream: tuple[str, ...],
    scope: str,
    from_domain: tuple[str, ...],
    network: tuple[str, ...],
    expires: datetime | None,
    as_json: bool,
) -> None:
    """Make a key and print its token once."""
    from senddock.dispatch import keys

    made, token = keys.create(
        house.database,
        name,
        project=project,
        streams=stream,
        scope=scope,
        from_domains=from_domain,
        networks=network,
        expires_at=expires.replace(tzinfo=UTC) if expires else None,
    )
    if as_json:
        show({"id": made.id, "token": token, "name": made.name})
    else:
        click.echo(token)
        click.echo("This is shown only once: store it where your application reads its secrets.", err=True)


@key.command("list")
@as_json
@pass_house
def key_list(house: House, as_json: bool) -> None:
    """Show all keys; never their tokens."""
    from senddock.dispatch import keys

    rows = [
        {
            "id": row.id,
            "name": row.name,
            "prefix": row.prefix,
            "scope": row.scope,
            "created_at": row.created_at,
            "last_used_at": row.last_used_at,
            "revoked_at": row.revoked_at,
        }
        for row in keys.all_keys(house.database)
    ]
    show(rows) if as_json else table(
        ["ID", "NAME", "PREFIX", "SCOPE", "CREATED", "LAST USED", "REVOKED"],
        [list(row.values()) for row in rows],
        "No key yet: senddock key create --name shop",
    )


@key.command("revoke")
@click.argument("key_id", type=int)
@as_json
@pass_house
def key_revoke(house: House, key_id: int, as_json: bool) -> None:
    """End a key; it stops working within seconds."""
    from senddock.dispatch import keys

    keys.revoke(house.database, key_id)
    done({"id": key_id, "revoked": True}, "Revoked.", as_json)
