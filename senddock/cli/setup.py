"""Commands that set the house up: database, people, projects, streams, routes."""

import click

from senddock.cli.house import House, as_json, done, pass_house, read_secret, show, table


@click.group()
def db() -> None:
    """The database."""


@db.command("upgrade")
@as_json
@pass_house
def db_upgrade(house: House, as_json: bool) -> None:
    """Bring the database to the current schema."""
    from senddock import schema

    _ = house.database
    done({"schema": schema.head()}, "The database is up to date.", as_json)


@click.group()
def user() -> None:
    """People who may sign in to the panel."""


@user.command("create")
@click.option("--email", required=True)
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@as_json
@pass_house
def user_create(house: House, email: str, password_stdin: bool, as_json: bool) -> None:
    """Add a person."""
    from senddock.dispatch.accounts import create_user

    password = read_secret(password_stdin, "Password")
    made = create_user(house.database, email, password)
    done({"id": made.id, "email": made.email}, f"{made.email} may sign in.", as_json)


@user.command("list")
@as_json
@pass_house
def user_list(house: House, as_json: bool) -> None:
    """Show everybody."""
    from senddock.dispatch.accounts import all_users

    people = all_users(house.database)
    if as_json:
        show([{"id": one.id, "email": one.email, "enabled": one.disabled_at is None} for one in people])
        return
    states = ["active" if one.disabled_at is None else "shut" for one in people]
    table(["ID", "E-MAIL", "STATE"], [[o.id, o.email, s] for o, s in zip(people, states, strict=True)], "No account.")


@user.command("link")
@click.option("--email", required=True)
@as_json
@pass_house
def user_link(house: House, email: str, as_json: bool) -> None:
    """Print a link by which a person who lost the password chooses a new one."""
    from senddock.dispatch.accounts import LINK_HOURS, password_link

    token = password_link(house.database, email)
    host, port = house.settings.web_bind
    base = house.settings.public_url or f"http://{host}:{port}"
    link = f"{base}/welcome?token={token}"
    done({"email": email, "link": link, "hours": LINK_HOURS}, link, as_json)
    click.echo(f"It works once, within {LINK_HOURS} hours.", err=True)


@user.command("disable")
@click.option("--email", required=True)
@as_json
@pass_house
def user_disable(house: House, email: str, as_json: bool) -> None:
    """Keep a person out from this moment."""
    from senddock.dispatch.accounts import disable, user_id_of

    disable(house.database, user_id_of(house.database, email))
    done({"email": email, "enabled": False}, f"{email} may no longer sign in.", as_json)


@user.command("enable")
@click.option("--email", required=True)
@as_json
@pass_house
def user_enable(house: House, email: str, as_json: bool) -> None:
    """Let a person in again."""
    from senddock.dispatch.accounts import enable, user_id_of

    enable(house.database, user_id_of(house.database, email))
    done({"email": email, "enabled": True}, f"{email} may sign in.", as_json)


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
