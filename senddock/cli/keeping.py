"""Commands that keep the house in order: the master key, backups, and old messages."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from senddock.cli.house import House, as_json, pass_house, progress_to, show

#: A century: no date before the calendar's beginning comes of it.
_LONGEST = 36_500


@click.group()
def secrets() -> None:
    """Stored SMTP passwords and the master key that seals them."""


@secrets.command("rotate")
@as_json
@pass_house
def secrets_rotate(house: House, as_json: bool) -> None:
    """Seal every stored secret with a new master key.

    With master.key in the data folder: makes a new key; SendDock must be stopped. With SENDDOCK_MASTER_KEY: put a new
    key in front of the old one, restart everything, then run this.
    """
    from senddock.dispatch.resealing import refresh_fingerprints, reseal
    from senddock.secrets.master_key import parse_ring, write_ring
    from senddock.secrets.vault import Vault

    now = datetime.now(UTC)
    configured = house.settings.master_key
    if configured:
        ring = parse_ring(configured, "SENDDOCK_MASTER_KEY")
        if len(ring) < 2:
            raise click.ClickException(
                "SENDDOCK_MASTER_KEY holds one key: write NEW,OLD (make NEW with openssl rand -base64 32), restart all "
                "processes so that they know both, then rotate"
            )
        changed = reseal(house.database, house.vault, now)
        then = f"Keep only {_key_name(ring)} in SENDDOCK_MASTER_KEY now; backups made before need the old one."
    else:
        with house.alone("rotate the master key"):
            _ = house.vault
            data_dir = house.settings.data_dir
            old = parse_ring((data_dir / "master.key").read_text("ascii"), str(data_dir / "master.key"))
            kept = data_dir / f"master.key.before-{now:%Y%m%d-%H%M%S}"
            kept.touch(mode=0o600)
            kept.write_bytes((data_dir / "master.key").read_bytes())
            ring = (os.urandom(32), *old)
            # Both keys are on disk before anything is sealed with the new one: a crash leaves nothing that cannot be opened.
            write_ring(data_dir, ring)
            changed = reseal(house.database, Vault(ring), now)
            refresh_fingerprints(house.database, Vault(ring[:1]))
            write_ring(data_dir, ring[:1])
            then = f"The old key is in {kept}: backups made before need it; delete it when there are none."
    if as_json:
        show({"resealed": changed})
    else:
        click.echo(f"{changed} secrets are sealed with the new key. {then}")


def _key_name(ring: tuple[bytes, ...]) -> str:
    return "the first of the two keys" if len(ring) == 2 else f"the first of the {len(ring)} keys"


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@as_json
@pass_house
def backup(house: House, file: Path, as_json: bool) -> None:
    """Write everything but the master key into one file, while SendDock runs (SQLite)."""
    from senddock.dispatch.backups import save

    source = _sqlite_file(house, "back it up", "pg_dump --format=custom")
    _ = house.vault
    with progress_to("Copying") as progress:
        size = save(source, file, progress)
    if as_json:
        show({"file": str(file), "octets": size})
    else:
        click.echo(
            f"{file}: {size / 1_048_576:.1f} MB, checked. Passwords in it are sealed: keep a copy of the master key "
            f"({'SENDDOCK_MASTER_KEY' if house.settings.master_key else house.settings.data_dir / 'master.key'}) elsewhere."
        )


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--resume", is_flag=True, help="Send what waited when the backup was made; nothing was sent since.")
@as_json
@pass_house
def restore(house: House, file: Path, resume: bool, as_json: bool) -> None:
    """Put a backup in the place of the database (SQLite); SendDock must be stopped.

    Messages that waited in the backup are held as uncertain unless --resume is given: they may have been sent since.
    """
    from senddock import schema
    from senddock.dispatch.backups import examine, put_back
    from senddock.secrets.vault import WrongMasterKey

    database = _sqlite_file(house, "restore it", "pg_restore", upgrade=False)
    version, canary = examine(file)
    if version > schema.head():
        raise click.ClickException(f"{file} was made by a newer SendDock (schema {version}): install that one first")
    if canary is not None:
        try:
            house.ring.check_canary(canary)
        except WrongMasterKey as error:
            raise click.ClickException(
                f"the passwords in {file} were sealed with another master key: put that one back (master.key in the data "
                "folder, or SENDDOCK_MASTER_KEY=NEW,OLD), then restore"
            ) from error
    with house.alone("restore"):
        kept, waiting = put_back(file, database, resume=resume)
        # At the current schema, and opened by this key.
        _ = house.vault
    if as_json:
        show({"kept": str(kept) if kept else None, "waiting": waiting, "held": 0 if resume else waiting})
        return
    click.echo(f"Restored{f'; the database that was there is {kept}' if kept else ''}.")
    if waiting:
        held = "are sent when SendDock starts" if resume else "are held: senddock messages list --status uncertain"
        click.echo(f"{waiting} messages had not been sent when the backup was made; they {held}.")


@click.command()
@click.option(
    "--days", type=click.IntRange(1, _LONGEST), default=90, show_default=True, help="Age of what was accepted."
)
@click.option(
    "--failures-days", type=click.IntRange(1, _LONGEST), default=365, show_default=True,
    help="Age of what failed, expired or is uncertain.",
)  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Only count.")
@as_json
@pass_house
def prune(house: House, days: int, failures_days: int, dry_run: bool, as_json: bool) -> None:
    """Delete old messages with their content and attempts; whatever still waits stays."""
    from senddock.dispatch import pruning

    now = datetime.now(UTC)
    age = pruning.Age(now - timedelta(days=days), now - timedelta(days=max(days, failures_days)))
    found = pruning.count_old(house.database, age)
    done = 0
    if not dry_run:
        with progress_to("Deleting") as progress:
            for number in pruning.prune(house.database, age, now):
                done += number
                progress(done, found)
    if as_json:
        show({"found": found, "deleted": done})
    else:
        click.echo(f"{found} messages would be deleted." if dry_run else f"{done} messages deleted.")


def _sqlite_file(house: House, what: str, tool: str, *, upgrade: bool = True) -> Path:
    url = house.settings.database_url
    if not url.startswith("sqlite:///"):
        raise click.ClickException(
            f"The database is PostgreSQL: {what} with its own tools ({tool}); sealed passwords stay sealed, and the master "
            "key belongs elsewhere"
        )
    if upgrade:
        _ = house.database
    return Path(url.removeprefix("sqlite:///"))
