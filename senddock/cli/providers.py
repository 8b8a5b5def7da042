"""`senddock provider …`: SMTP accounts."""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from senddock.cli.house import House, as_json, done, pass_house, read_secret, show, table

if TYPE_CHECKING:
    from senddock.domain.catalogue.entry import Entry

_LIMITS = ("per-second", "per-minute", "per-hour", "per-day", "per-month", "max-connections",
           "messages-per-connection", "recipients-per-message", "max-message-bytes")  # fmt: skip


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
        click.option(
            "--preset",
            metavar="KEY",
            help="A provider of the catalogue, such as ses: with add, fills in what is not given (server, port, encryption, "
            "user name, name, limits).",
        ),
        click.option(
            "--timeout",
            "timeouts",
            multiple=True,
            metavar="STAGE=SECONDS",
            help="Of connect (10), tls (15), session (30: greeting, EHLO, AUTH), envelope (60: MAIL, RCPT), "
            "data (120: one block), final_dot (300); without seconds the usual one again.",
        ),
        click.option(
            "--day-resets-at",
            "day_reset_hour",
            type=click.IntRange(0, 23),
            metavar="HOUR",
            help="The daily limit starts anew at this hour; without it, any 24 hours in a row count.",
        ),
        click.option("--day-zone", metavar="ZONE", help="Time zone of that hour, such as Europe/Madrid."),
        click.option(
            "--transactional-reserve",
            type=click.IntRange(0, 90),
            metavar="PERCENT",
            help="Share of every limit of a minute and longer kept for transactional mail (10).",
        ),
        click.option(
            "--confirm-plain", "plain_confirmed", is_flag=True, default=None, help="Mail may travel readable."
        ),
    ):
        command = option(command)
    return command


@provider.command("add")
@_provider_options
@click.option(
    "--plan", help="The preset's plan whose limits are filled in, such as Production; a new account's if left out."
)
@as_json
@pass_house
def provider_add(house: House, /, plan: str | None, as_json: bool, password_stdin: bool, **given: Any) -> None:
    """Add an SMTP account."""
    from senddock.dispatch import providers

    values = {**_of_preset(given["preset"], plan, given["encryption"]), **_values(given, {})}
    password = read_secret(True, "Password") if password_stdin else None
    made = providers.add(house.database, house.vault, values, password)
    _warn(made, password)
    _show_provider(house, made, as_json)


@provider.command("set")
@click.argument("provider_id", type=int)
@_provider_options
@as_json
@pass_house
def provider_set(house: House, /, provider_id: int, as_json: bool, password_stdin: bool, **given: Any) -> None:
    """Change an SMTP account."""
    from senddock.dispatch import providers

    _entry(given["preset"])
    values = _values(given, providers.get(house.database, provider_id).timeouts)
    password = read_secret(True, "Password") if password_stdin else None
    changed = providers.change(house.database, house.vault, provider_id, values, password)
    _warn(changed, password)
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
            if error.get("guide"):
                click.echo(f"Guide: /guides/{error['guide']}", err=True)
            for suggestion in test.report.get("suggestions", ()):
                click.echo(suggestion["text"], err=True)
        else:
            click.echo("✅ Connection successful")
    if test.state != "succeeded":
        sys.exit(1)


def _verb(verb: str, does: str, said: str, data: dict[str, bool], act: Callable[..., Any]) -> None:
    """A command that does one thing to one provider and says so."""

    @provider.command(verb, help=does)
    @click.argument("provider_id", type=int)
    @as_json
    @pass_house
    def run(house: House, provider_id: int, as_json: bool) -> None:
        from senddock.dispatch import providers

        name = act(providers, house.database, provider_id).name
        done({"id": provider_id, "name": name, **data}, f"{name} {said}", as_json)


_verb("default", "Make it the first to be used.", "is the default now.", {"default": True},
      lambda providers, *which: providers.make_default(*which))  # fmt: skip
_verb("enable", "Use it again.", "is enabled.", {"enabled": True},
      lambda providers, *which: providers.set_enabled(*which, enabled=True))  # fmt: skip
_verb("disable", "Stop using it; its settings stay.", "is disabled.", {"enabled": False},
      lambda providers, *which: providers.set_enabled(*which, enabled=False))  # fmt: skip
_verb("resume", "Use it again after it was paused or failing: you have settled with the provider what was wrong.",
      "is tried again now, at its full pace.", {"resumed": True},
      lambda providers, *which: providers.resume(*which))  # fmt: skip


@provider.command("remove")
@click.argument("provider_id", type=int)
@as_json
@pass_house
def provider_remove(house: House, provider_id: int, as_json: bool) -> None:
    """Delete it; its password is erased, its name stays in the log."""
    from senddock.dispatch import providers

    providers.remove(house.database, provider_id)
    done({"id": provider_id, "removed": True}, "Removed; its password is erased.", as_json)


def _values(given: dict[str, Any], timeouts: dict[str, Any]) -> dict[str, Any]:
    """Options that were given, as fields; time-outs that are not named stay as they are."""
    values = {name: value for name, value in given.items() if value not in (None, ())}
    kept = dict(timeouts)
    for text in values.pop("timeouts", ()):
        stage, _, seconds = text.partition("=")
        try:
            kept[stage.strip()] = float(seconds) if seconds.strip() else None
        except ValueError as error:
            raise click.BadParameter(f"{text!r} is not STAGE=SECONDS, such as final_dot=300.") from error
    if given["timeouts"]:
        values["timeouts"] = {stage: seconds for stage, seconds in kept.items() if seconds is not None}
    return values


def _entry(key: str | None) -> "Entry | None":
    """The catalogue's entry for ``--preset``. Raises ``click.BadParameter``."""
    from senddock.domain.catalogue import catalogue

    entry = catalogue().get(key) if key is not None else None
    if key is not None and entry is None:
        raise click.BadParameter(f"{key!r} is none of {', '.join(catalogue())}.", param_hint="--preset")
    return entry


def _of_preset(key: str | None, plan: str | None, encryption: str | None) -> dict[str, Any]:
    """What the catalogue knows about a provider, as fields; the port is one that speaks the wanted encryption."""
    from senddock.domain.presets import LIMITS, preset_of

    entry = _entry(key)
    if entry is None:
        if plan is not None:
            raise click.UsageError("--plan belongs to --preset: give that too")
        return {}
    plans = {one.name.lower(): one for one in entry.plans}
    if plan is not None and plan.lower() not in plans:
        names = ", ".join(one.name for one in entry.plans)
        raise click.BadParameter(f"{entry.name} has no plan {plan!r}; there are: {names}.", param_hint="--plan")
    preset = preset_of(entry, plans[plan.lower()] if plan is not None else None)
    if any(getattr(preset, name) for name in LIMITS if name.startswith("per_")):
        other = "Give them" if plan is not None else "Give --plan, or them"
        click.echo(f"Limits filled in: {preset.limits_text}. Yours differ? {other}.", err=True)
    port = preset.port
    if encryption not in (None, preset.encryption):
        port = next((one.port for one in entry.server.ports if one.encryption == encryption), port)
    known = {name: getattr(preset, name) for name in ("name", "host", "encryption", "username", *LIMITS)}
    return {name: value for name, value in {**known, "port": port}.items() if value not in (None, "")}


def _warn(row: Any, password: str | None) -> None:
    """Say what the panel's form says beside its fields."""
    from senddock.dispatch.provider_fields import FIELDS, remarks

    for remark in remarks({name: getattr(row, name) for name in FIELDS}, password):
        if remark.level == "warn":
            click.echo(f"Warning: {remark.text}", err=True)


def _state(house: House, row: Any) -> str:
    from senddock.dispatch import journal, providers

    with house.database.read() as session:
        return providers.state_of(row, journal.breakers(session).get(row.id))


def _show_provider(house: House, row: Any, as_json: bool) -> None:
    from senddock.dispatch import providers
    from senddock.dispatch.slowdowns import pace_of

    described = {**providers.describe(row, _state(house, row)), "pace": pace_of(house.database, row.id)}
    if as_json:
        show(described)
        return
    for name, value in described.items():
        if value not in (None, {}):
            click.echo(f"{name:>16}  {value}")
