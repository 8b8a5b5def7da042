"""The processes: `up` and what it runs."""

import functools
import importlib
import logging
import signal
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from senddock.cli.house import House, pass_house
from senddock.config import Settings
from senddock.submission.listening import shown

if TYPE_CHECKING:
    from senddock.submission.certificate import Certificate

log = logging.getLogger(__name__)

#: What `up` loads once for all its processes.
_ROOMS = (
    "senddock.cli.chores",
    "senddock.dispatch.clock",
    "senddock.dispatch.connection_tests",
    "senddock.dispatch.domain_checks",
    "senddock.dispatch.worker",
    "senddock.submission.certificate",
    "senddock.submission.process",
    "senddock.web_server",
    "gunicorn.arbiter",
    "gunicorn.workers.gthread",
)


@click.command()
@click.option("--workers", type=click.IntRange(1, 64), help="Worker processes (default: SENDDOCK_WORKERS).")
@pass_house
def up(house: House, workers: int | None) -> None:
    """Run everything on this machine; Ctrl-C stops it."""
    from senddock import redis_server
    from senddock.cli import main
    from senddock.dispatch.accounts import setup_link_token
    from senddock.supervisor import Child, Supervisor, hold_lock

    settings = house.settings
    logging.basicConfig(level=logging.INFO, format="senddock | %(message)s", stream=sys.stdout)
    for noisy in ("alembic",):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    lock = hold_lock(settings.data_dir)
    for bind, name in (
        (settings.web_bind, "SENDDOCK_WEB_BIND"),
        (settings.smtp_bind, "SENDDOCK_SMTP_BIND"),
        (settings.smtps_bind, "SENDDOCK_SMTPS_BIND"),
    ):
        if bind is not None:
            _require_free(bind, name)
    _ = certificate_of(settings)
    _ = house.vault
    children = []
    if settings.redis_url is None:
        binary = redis_server.find_binary()
        redis_server.end_orphan(settings.data_dir)
        click.echo(f"Redis: {binary.path} ({binary.origin}), unix socket in {settings.data_dir}")
        children.append(Child("redis", redis_server.arguments(binary, settings.data_dir), first=True))
    else:
        click.echo("Redis: SENDDOCK_REDIS_URL")
    click.echo(f"Database: {house.database.engine.url.render_as_string(hide_password=True)}")
    count = workers or settings.workers
    environ = {"SENDDOCK_WORKERS": str(count)}
    for name in ("web", *(f"worker-{number}" for number in range(1, count + 1)), "clock", "submission"):
        command = name.partition("-")[0]
        call = functools.partial(main, [command])
        children.append(Child(name, [sys.executable, "-m", "senddock", command], environ, call))
    address = settings.public_url or f"http://{_shown_host(settings.web_bind)}"
    click.echo(f"Panel: {address}")
    token = setup_link_token(house.database)
    if token is not None:
        click.echo(f"Create your account (the link works once, for 24 hours): {address}/setup?token={token}")
    sys.stdout.flush()
    house.close()
    _load_rooms()
    code = Supervisor(children).run()
    lock.close()
    sys.exit(code)


def _load_rooms() -> None:
    """Import and read what the processes need, before they are forked."""
    from sqlalchemy.orm import configure_mappers

    from senddock.domain.catalogue import catalogue
    from senddock.domain.rules import standard_rules

    for name in _ROOMS:
        importlib.import_module(name)
    configure_mappers()
    standard_rules()
    catalogue()


@click.command()
@pass_house
def web(house: House) -> None:
    """Run the panel and the HTTP API."""
    from senddock.web_server import serve

    house.log_to_stderr()
    serve(house.settings, house.vault, house.database, house.redis)


@click.command()
@pass_house
def worker(house: House) -> None:
    """Run one worker."""
    from senddock.dispatch.connection_tests import Runner
    from senddock.dispatch.engine import Engine
    from senddock.dispatch.worker import run

    house.log_to_stderr()
    settings = house.settings
    # The wrong master key must end here, before anything waits or is sent.
    _ = house.vault
    engine = Engine(
        house.database,
        house.vault,
        house.redis,
        lanes=settings.lanes,
        workers=settings.workers,
        dns_servers=settings.dns_servers,
        greet_as=settings.helo_name,
    )
    runner = Runner(house.database, house.vault, dns_servers=settings.dns_servers, greet_as=settings.helo_name)
    run(engine, house.redis, runner)


@click.command()
@pass_house
def clock(house: House) -> None:
    """Run the clock: wakes workers for due mail and takes back what dead workers held."""
    from senddock.cli.chores import chores_of, errand_worker
    from senddock.dispatch.clock import Clock
    from senddock.dispatch.engine import LEASE

    house.log_to_stderr()
    errands = errand_worker(house)
    ticking = Clock(house.database, house.wake, lease=LEASE, chores=chores_of(house))

    def stop(*_: Any) -> None:
        ticking.stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    errands.start()
    ticking.run()
    errands.stop()


@click.command()
@pass_house
def submission(house: House) -> None:
    """Run the SMTP door: applications hand mail over with an API key as the password."""
    from senddock.dispatch.key_rate import KeyRate
    from senddock.submission.listening import CannotListen, Listening
    from senddock.submission.process import run

    house.log_to_stderr()
    settings = house.settings

    def ready(ports: Sequence[int]) -> None:
        binds = [settings.smtp_bind, *([settings.smtps_bind] if settings.smtps_bind else [])]
        kinds = ["STARTTLS" if settings.tls_cert else "no certificate: sign in from this machine only", "TLS"]
        for (host, _), port, kind in zip(binds, ports, kinds, strict=False):
            log.info("SMTP door on %s (%s)", _shown_host((host, port)), kind)

    try:
        run(
            house.database,
            house.wake,
            KeyRate(house.redis),
            Listening(settings.helo_name, settings.smtp_bind, settings.smtps_bind, certificate_of(settings)),
            ready,
        )
    except CannotListen as error:
        name = "SENDDOCK_SMTP_BIND" if error.bind == settings.smtp_bind else "SENDDOCK_SMTPS_BIND"
        raise click.ClickException(
            f"{error}: another program listens there, or the address is not this machine's; set {name} to another one"
        ) from error


def certificate_of(settings: Settings) -> "Certificate | None":
    """The SMTP door's certificate. Raises ``click.ClickException`` when its files cannot be used."""
    if settings.tls_cert is None or settings.tls_key is None:
        return None
    from senddock.submission.certificate import BadCertificate, Certificate

    try:
        return Certificate(settings.tls_cert, settings.tls_key)
    except BadCertificate as error:
        raise click.ClickException(str(error)) from error


def _require_free(bind: tuple[str, int], name: str) -> None:
    """Say at once that somebody else listens there, rather than restart the web process for ever."""
    import socket

    family = socket.AF_INET6 if ":" in bind[0] else socket.AF_INET
    try:
        socket.create_server(bind, family=family).close()
    except OSError as error:
        raise click.ClickException(
            f"{_shown_host(bind)} cannot be used ({error.strerror}): another program listens there; "
            f"stop it, or set {name} to another address and port"
        ) from error


def _shown_host(bind: tuple[str, int]) -> str:
    host, port = bind
    host = {"0.0.0.0": "localhost", "::": "localhost"}.get(host, host)  # noqa: S104 - shown, not bound
    return shown((host, port))
