"""The checks of `senddock doctor`. Each looks at one thing; one that cannot be made does not keep the others from it."""

import fcntl
import shutil
import socket
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from senddock.cli.house import House

_MB = 1_048_576


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found, whether it is good, and what to do about it."""

    check: str
    #: ``ok``, ``warn`` or ``fail``.
    state: str
    found: str
    next: str | None = None


def examine(house: House, *, reach: bool) -> Iterator[Finding]:
    """All checks in an order in which the first failure usually explains the later ones."""
    checks: list[tuple[str, Callable[[House], Iterator[Finding]]]] = [
        ("data folder", _data_folder),
        ("disk space", _disk),
        ("database", _database),
        ("master key", _master_key),
        ("clock", _clock),
        ("redis", _redis),
        ("ports", _ports),
        ("certificate", _certificate),
        ("workers", _workers),
        ("people", _people),
        ("keys", _keys),
        ("providers", _providers),
        *([("reach", _reach)] if reach else []),
    ]
    for name, check in checks:
        try:
            yield from check(house)
        except Exception as error:  # noqa: BLE001 - whatever it met is the finding
            yield Finding(name, "fail", f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}")


def _data_folder(house: House) -> Iterator[Finding]:
    folder = house.settings.data_dir
    probe = folder / ".doctor"
    try:
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        yield Finding(
            "data folder", "fail", f"{folder} cannot be written: {error.strerror}", f"chown it to this user: {folder}"
        )
        return
    mode = stat.S_IMODE(folder.stat().st_mode)
    if mode & 0o077:
        yield Finding("data folder", "warn", f"{folder} is open to others (mode {mode:04o})", f"chmod 700 {folder}")
    else:
        yield Finding("data folder", "ok", str(folder))


def _disk(house: House) -> Iterator[Finding]:
    free = shutil.disk_usage(house.settings.data_dir).free
    state = "fail" if free < 200 * _MB else "warn" if free < 1024 * _MB else "ok"
    advice = None if state == "ok" else "make room, or delete old messages: senddock prune --days 30"
    yield Finding("disk space", state, f"{free / _MB:,.0f} MB free", advice)


def _database(house: House) -> Iterator[Finding]:
    database = house.database
    shown = database.engine.url.render_as_string(hide_password=True)
    if database.is_sqlite:
        with database.connect() as connection:
            found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
        if found != "ok":
            yield Finding(
                "database", "fail", f"{shown}: {found}", "stop SendDock and restore a backup: senddock restore FILE"
            )
            return
    with database.transaction():
        # A write transaction was begun and can be ended: locks and permissions are right.
        pass
    yield Finding("database", "ok", shown)


def _master_key(house: House) -> Iterator[Finding]:
    from senddock.dispatch.resealing import unreadable

    where = "SENDDOCK_MASTER_KEY" if house.settings.master_key else str(house.settings.data_dir / "master.key")
    lost = list(unreadable(house.database, house.vault))
    if lost:
        yield Finding("master key", "fail", f"{where} does not open {', '.join(lost)}", "enter these passwords again")
    else:
        yield Finding("master key", "ok", f"{where} fits this database; keep a copy of it apart from backups")


def _clock(house: House) -> Iterator[Finding]:
    from sqlalchemy import select

    from senddock.models import Message

    now = datetime.now(UTC)
    with house.database.connect() as connection:
        newest = connection.execute(select(Message.created_at).order_by(Message.id.desc()).limit(1)).scalar()
        theirs = None if house.database.is_sqlite else connection.exec_driver_sql("SELECT now()").scalar()
    if newest is not None and newest > now + timedelta(minutes=1):
        yield Finding(
            "clock", "fail", f"the newest message is from {newest:%F %T} UTC, which is ahead of now", "set the clock; run NTP"
        )  # fmt: skip
    elif theirs is not None and abs((theirs - now).total_seconds()) > 5:
        skew = (theirs - now).total_seconds()
        yield Finding("clock", "warn", f"the database's clock differs by {skew:+.0f} s", "run NTP on both machines")
    else:
        yield Finding("clock", "ok", f"{now:%F %T} UTC")


def _redis(house: House) -> Iterator[Finding]:
    from redis.exceptions import RedisError

    from senddock import redis_server

    bundled = house.settings.redis_url is None
    try:
        seconds, micros = house.redis.time()
    except RedisError as error:
        if bundled and not _is_up(house):
            binary = redis_server.find_binary()
            yield Finding("redis", "ok", f"not running; senddock up starts {binary.path} ({binary.origin})")
        else:
            where = "the bundled Redis" if bundled else "SENDDOCK_REDIS_URL"
            yield Finding(
                "redis", "fail", f"{where} does not answer: {error}", "mail still leaves, at most a second later"
            )
        return
    skew = seconds + micros / 1e6 - time.time()
    if abs(skew) > 5:
        yield Finding("redis", "warn", f"its clock differs by {skew:+.0f} s", "run NTP on both machines")
    else:
        yield Finding("redis", "ok", "the bundled one answers" if bundled else "SENDDOCK_REDIS_URL answers")


def _ports(house: House) -> Iterator[Finding]:
    settings, running = house.settings, _is_up(house)
    for name, bind in (
        ("SENDDOCK_WEB_BIND", settings.web_bind),
        ("SENDDOCK_SMTP_BIND", settings.smtp_bind),
        ("SENDDOCK_SMTPS_BIND", settings.smtps_bind),
    ):
        if bind is None:
            continue
        shown = f"{name} {bind[0]}:{bind[1]}"
        taken = _answers(bind)
        if running and not taken:
            yield Finding(
                "ports", "fail", f"{shown}: nobody answers", "look for the reason in the output of senddock up"
            )
        elif taken and not running:
            yield Finding(
                "ports", "warn", f"{shown}: something listens, but not this senddock up", f"set {name} to another port"
            )
        else:
            yield Finding("ports", "ok", f"{shown}: {'answers' if running else 'free'}")
    if settings.web_bind[0] not in ("127.0.0.1", "::1", "localhost") and not (settings.public_url or "").startswith(
        "https:"
    ):
        yield Finding(
            "ports", "warn", "the panel can be reached from other machines without TLS",
            "put a proxy with a certificate in front and set SENDDOCK_PUBLIC_URL=https://…",
        )  # fmt: skip


def _certificate(house: House) -> Iterator[Finding]:
    settings = house.settings
    if settings.tls_cert is None or settings.tls_key is None:
        if settings.smtp_bind[0] not in ("127.0.0.1", "::1", "localhost"):
            yield Finding(
                "certificate", "warn", "none: other machines cannot sign in at the SMTP door",
                "set SENDDOCK_TLS_CERT and SENDDOCK_TLS_KEY",
            )  # fmt: skip
        return
    from cryptography import x509

    from senddock.submission.certificate import Certificate

    Certificate(settings.tls_cert, settings.tls_key)
    ends = x509.load_pem_x509_certificate(settings.tls_cert.read_bytes()).not_valid_after_utc
    days = (ends - datetime.now(UTC)).days
    state = "fail" if days < 0 else "warn" if days < 14 else "ok"
    advice = None if state == "ok" else "renew it; the door notices new files within a minute"
    yield Finding("certificate", state, f"valid until {ends:%F} ({days} days)", advice)


def _workers(house: House) -> Iterator[Finding]:
    from senddock.dispatch import journal

    now = datetime.now(UTC)
    with house.database.read() as session:
        found = journal.queue_status(session, now)
    waits = found["oldest_queued_seconds"] or 0
    if found["workers"]:
        state = "warn" if waits > 300 else "ok"
        shown = f"{found['workers']} at work; the oldest queued message waits {waits:.0f} s"
        yield Finding("workers", state, shown, "senddock messages list --status queued" if state == "warn" else None)
    elif _is_up(house):
        yield Finding("workers", "fail", "senddock up runs without a worker", "look for the reason in its output")
    else:
        yield Finding("workers", "warn", "none is at work", "start SendDock: senddock up")


def _people(house: House) -> Iterator[Finding]:
    from senddock.dispatch.accounts import count_users

    if count_users(house.database):
        yield Finding("people", "ok", "somebody can sign in to the panel")
    else:
        yield Finding(
            "people", "warn", "nobody can sign in to the panel", "senddock user create --email you@example.com"
        )


def _keys(house: House) -> Iterator[Finding]:
    from senddock.dispatch import keys

    now = datetime.now(UTC)
    good = [
        key
        for key in keys.all_keys(house.database)
        if not key.revoked_at and (not key.expires_at or key.expires_at > now)
    ]
    if good:
        yield Finding("keys", "ok", f"{len(good)} valid")
    else:
        yield Finding("keys", "warn", "no application can hand mail over", "senddock key create --name my-app")


def _providers(house: House) -> Iterator[Finding]:
    from senddock.dispatch import journal, providers

    rows = [row for row in providers.all_providers(house.database) if row.enabled]
    if not rows:
        yield Finding("providers", "fail", "none is enabled: nothing can be sent", "senddock provider add --help")
        return
    with house.database.read() as session:
        breakers = journal.breakers(session)
    for row in rows:
        state = providers.state_of(row, breakers.get(row.id))
        good = state in ("healthy", "unused", "untested")
        advice = None if good else f"senddock provider test {row.id}"
        yield Finding("providers", "ok" if good else "warn", f"{row.name}: {state}", advice)


def _reach(house: House) -> Iterator[Finding]:
    from senddock.dispatch import providers

    for row in providers.all_providers(house.database):
        if not row.enabled:
            continue
        try:
            socket.create_connection((row.host, row.port), timeout=10).close()
        except OSError as error:
            advice = "many hosts block outgoing SMTP: ask for port 587 or 465, or use the provider's port 2525"
            yield Finding("reach", "fail", f"{row.name}: {row.host}:{row.port}: {error}", advice)
        else:
            yield Finding("reach", "ok", f"{row.name}: {row.host}:{row.port} answers")


def _is_up(house: House) -> bool:
    """True while a `senddock up` holds the data folder."""
    lock = Path(house.settings.data_dir) / "up.lock"
    if not lock.exists():
        return False
    with lock.open("a+") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _answers(bind: tuple[str, int]) -> bool:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(bind[0], bind[0])  # noqa: S104 - called, not bound
    try:
        socket.create_connection((host, bind[1]), timeout=3).close()
    except OSError:
        return False
    return True
