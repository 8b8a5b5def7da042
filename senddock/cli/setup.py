"""Commands that set the house up: database, people, providers, projects, streams, routes, keys."""

import sys
from datetime import UTC, datetime
from typing import Any

import click

from senddock.cli.house import House, as_json, pass_house, show, table

_LIMITS = ("per-second", "per-minute", "per-hour", "per-day", "per-month", "max-connections",
           "messages-per-connection", "recipients-per-message", "max-message-bytes")  # fmt: skip


@click.group()
def db() -> None:
    """The database."""


@db.command("upgrade")
@pass_house
def db_upgrade(house: House) -> None:
    """Bring the database to the current schema."""
    _ = house.database
    click.echo("The database is up to date.")


@click.group()
def user() -> None:
    """People who may sign in to the panel."""


@user.command("create")
@click.option("--email", required=True)
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@pass_house
def user_create(house: House, email: str, password_stdin: bool) -> None:
    """Add a person."""
    from senddock.dispatch.accounts import create_user

    password = _secret(password_stdin, "Password")
    made = create_user(house.database, email, password)
    click.echo(f"{made.email} may sign in.")


@click.group()
def provider() -> None:
    """SMTP accounts."""


def _provider_options(command: Any) -> Any:
    for name in _LIMITS:
        command = click.option(f"--{name}", type=click.IntRange(min=1))(command)
    for option in (
        click.option("--name"),
        click.option("--host"),
        click.option("--port", type=click.IntRange(1, 65535)),
        click.option("--username"),
        click.option("--password-stdin", is_flag=True, help="Read the password from standard input."),
        click.option("--encryption", type=click.Choice(["starttls", "ssl", "none"])),
        click.option("--from-email"),
        click.option("--from-name"),
        click.option("--from-policy", type=click.Choice(["any", "own", "rewrite"])),
        click.option("--priority", type=click.IntRange(1, 1000)),
        click.option("--preset"),
        click.option(
            "--confirm-plain", "plain_confirmed", is_flag=True, default=None, help="Mail may travel readable."
        ),
    ):
        command = option(command)
    return command


@provider.command("add")
@_provider_options
@as_json
@pass_house
def provider_add(house: House, /, as_json: bool, password_stdin: bool, **given: Any) -> None:
    """Add an SMTP account."""
    from senddock.dispatch import providers

    values = {name: value for name, value in given.items() if value is not None}
    password = _secret(True, "Password") if password_stdin else None
    made = providers.add(house.database, house.vault, values, password)
    _show_provider(house, made, as_json)


@provider.command("set")
@click.argument("provider_id", type=int)
@_provider_options
@as_json
@pass_house
def provider_set(house: House, /, provider_id: int, as_json: bool, password_stdin: bool, **given: Any) -> None:
    """Change an SMTP account."""
    from senddock.dispatch import providers

    values = {name: value for name, value in given.items() if value is not None}
    password = _secret(True, "Password") if password_stdin else None
    changed = providers.change(house.database, house.vault, provider_id, values, password)
    _show_provider(house, changed, as_json)


@provider.command("list")
@as_json
@pass_house
def provider_list(house: House, as_json: bool) -> None:
    """Show all, by priority."""
    from senddock.dispatch import providers

    rows = providers.all_providers(house.database)
    described = [providers.describe(row, _state(house, row)) for row in rows]
    if as_json:
        show(described)
        return
    table(
        ["ID", "PRIORITY", "NAME", "SERVER", "ENCRYPTION", "FROM", "STATE"],
        [
            [
                row["id"],
                f"{row['priority']}{' default' if row['default'] else ''}",
                row["name"],
                f"{row['host']}:{row['port']}",
                row["encryption"],
                row["from_email"],
                row["state"],
            ]
            for row in described
        ],
        "No provider yet: senddock provider add --help",
    )


@provider.command("show")
@click.argument("provider_id", type=int)
@as_json
@pass_house
def provider_show(house: House, provider_id: int, as_json: bool) -> None:
    """Show one."""
    from senddock.dispatch import providers

    _show_provider(house, providers.get(house.database, provider_id), as_json)


@provider.command("test")
@click.argument("provider_id", type=int)
@click.option("--to", help="Send a test message to this address.")
@as_json
@pass_house
def provider_test(house: House, provider_id: int, to: str | None, as_json: bool) -> None:
    """Walk through connecting, TLS and signing in; with --to send a message."""
    from senddock.dispatch import connection_tests

    test_id = connection_tests.start(house.database, house.vault, provider_id=provider_id, recipient=to)
    settings = house.settings
    connection_tests.Runner(house.database, house.vault, dns_servers=settings.dns_servers, greet_as=settings.helo_name)(
        test_id
    )
    test = connection_tests.get(house.database, test_id)
    assert test is not None
    if as_json:
        show({"state": test.state, **test.report})
    else:
        for stage in test.report["stages"]:
            mark = "✓" if stage["ok"] else "✕"
            click.echo(f"  {mark} {stage['title']:<10} {stage['ms']:>8.1f} ms  {stage['summary']}")
        error = test.report.get("error")
        if error:
            click.echo(f"{error['title']}: {error['reply']}\n{error['next_step']}", err=True)
            for suggestion in test.report.get("suggestions", ()):
                click.echo(suggestion, err=True)
        else:
            click.echo("✅ Connection successful")
    if test.state != "succeeded":
        sys.exit(1)


@provider.command("default")
@click.argument("provider_id", type=int)
@pass_house
def provider_default(house: House, provider_id: int) -> None:
    """Make it the first to be used."""
    from senddock.dispatch import providers

    click.echo(f"{providers.make_default(house.database, provider_id).name} is the default now.")


@provider.command("enable")
@click.argument("provider_id", type=int)
@pass_house
def provider_enable(house: House, provider_id: int) -> None:
    """Use it again."""
    from senddock.dispatch import providers

    click.echo(f"{providers.set_enabled(house.database, provider_id, enabled=True).name} is enabled.")


@provider.command("disable")
@click.argument("provider_id", type=int)
@pass_house
def provider_disable(house: House, provider_id: int) -> None:
    """Stop using it; its settings stay."""
    from senddock.dispatch import providers

    click.echo(f"{providers.set_enabled(house.database, provider_id, enabled=False).name} is disabled.")


@provider.command("remove")
@click.argument("provider_id", type=int)
@pass_house
def provider_remove(house: House, provider_id: int) -> None:
    """Delete it; its password is erased, its name stays in the log."""
    from senddock.dispatch import providers

    providers.remove(house.database, provider_id)
    click.echo("Removed; its password is erased.")


@click.group()
def project() -> None:
    """Applications that send."""


@project.command("add")
@click.option("--name", required=True)
@as_json
@pass_house
def project_add(house: House, name: str, as_json: bool) -> None:
    """Add a project with its two streams."""
    from senddock.dispatch import streams

    made = streams.add_project(house.database, name)
    show({"id": made.id, "name": made.name}) if as_json else click.echo(f"Project {made.name} ({made.id}).")


@project.command("list")
@as_json
@pass_house
def project_list(house: House, as_json: bool) -> None:
    """Show all."""
    from senddock.dispatch import streams

    rows = [{"id": row.id, "name": row.name} for row in streams.all_projects(house.database)]
    show(rows) if as_json else table(["ID", "NAME"], [list(row.values()) for row in rows], "No project.")


@click.group()
def stream() -> None:
    """Named channels of a project."""


@stream.command("add")
@click.option("--name", required=True)
@click.option("--kind", type=click.Choice(["transactional", "marketing"]), required=True)
@click.option("--project")
@as_json
@pass_house
def stream_add(house: House, name: str, kind: str, project: str | None, as_json: bool) -> None:
    """Add a stream."""
    from senddock.dispatch import streams

    made = streams.add_stream(house.database, name, kind, project)
    show({"id": made.id, "name": made.name, "kind": made.kind}) if as_json else click.echo(f"Stream {made.name}.")


@stream.command("list")
@as_json
@pass_house
def stream_list(house: House, as_json: bool) -> None:
    """Show all."""
    from senddock.dispatch import streams

    rows = streams.all_streams(house.database)
    show(rows) if as_json else table(
        ["ID", "PROJECT", "NAME", "KIND"],
        [[row["id"], row["project"], row["name"], row["kind"]] for row in rows],
        "No stream.",
    )


@click.group()
def route() -> None:
    """Which providers a stream uses, in which order and with which shares."""


@route.command("list")
@click.option("--stream")
@as_json
@pass_house
def route_list(house: House, stream: str | None, as_json: bool) -> None:
    """Show routes; a stream without any uses every provider by the provider's priority."""
    from senddock.dispatch import streams

    rows = streams.all_routes(house.database, stream)
    show(rows) if as_json else table(
        ["STREAM", "PROVIDER", "PRIORITY", "WEIGHT"],
        [[row["stream"], row["provider"], row["priority"], row["weight"]] for row in rows],
        "No routes: every stream uses all enabled providers by their priority.",
    )


@route.command("set")
@click.option("--stream", required=True)
@click.argument("routes", nargs=-1)
@pass_house
def route_set(house: House, stream: str, routes: tuple[str, ...]) -> None:
    """Replace a stream's routes. Each is PROVIDER_ID:PRIORITY[:WEIGHT]; none returns to the standard."""
    from senddock.dispatch import streams

    streams.set_routes(house.database, stream, [streams.parse_route(text) for text in routes])
    click.echo(f"Stream {stream} has {len(routes)} routes." if routes else f"Stream {stream} uses all providers.")


@click.group()
def key() -> None:
    """API keys, for HTTP and the SMTP door."""


@key.command("create")
@click.option("--name", required=True)
@click.option("--project")
@click.option("--stream")
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
    stream: str | None,
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
        stream=stream,
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
@pass_house
def key_revoke(house: House, key_id: int) -> None:
    """End a key; it stops working within seconds."""
    from senddock.dispatch import keys

    keys.revoke(house.database, key_id)
    click.echo("Revoked.")


def _secret(from_stdin: bool, what: str) -> str:
    if from_stdin:
        text = sys.stdin.readline().rstrip("\r\n")
        if not text:
            raise click.ClickException(f"{what}: standard input was empty")
        return text
    return str(click.prompt(what, hide_input=True, confirmation_prompt=True))


def _state(house: House, row: Any) -> str:
    from senddock.dispatch import journal, providers

    with house.database.read() as session:
        return providers.state_of(row, journal.breakers(session).get(row.id))


def _show_provider(house: House, row: Any, as_json: bool) -> None:
    from senddock.dispatch import providers

    described = providers.describe(row, _state(house, row))
    if as_json:
        show(described)
        return
    for name, value in described.items():
        if value not in (None, {}):
            click.echo(f"{name:>16}  {value}")
