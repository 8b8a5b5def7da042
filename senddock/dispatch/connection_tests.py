"""Runs of Test Connection: asked for by a page or the command line, carried out by a worker, read while they grow."""

import json
import logging
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, select, update

from senddock.content.addresses import parse_mailbox
from senddock.content.compose import MailParts, compose
from senddock.content.dots import dot_stuff
from senddock.dispatch import providers
from senddock.dispatch.provider_fields import check
from senddock.dispatch.refusals import Refused, RefusedFields
from senddock.dispatch.roster import target_of
from senddock.dispatch.version import announce
from senddock.domain.envelope import Address, InvalidAddress
from senddock.domain.error_help import help_for
from senddock.domain.reply import Reply
from senddock.domain.verdict import judge
from senddock.models import BreakerState, ConnectionTest, Database, Provider, Worker
from senddock.secrets.vault import SealBroken, Vault, WrongMasterKey
from senddock.smtp.probe import Cancelled, Report, course, probe
from senddock.smtp.session import Outgoing
from senddock.smtp.target import Target, Timeouts

log = logging.getLogger(__name__)

#: Shorter than for mail: a person is watching.
_TIMEOUTS = Timeouts(connect=10, tls=10, session=15, envelope=20, data=30, final_dot=60)
_KEPT = timedelta(days=7)


def start(
    database: Database,
    vault: Vault,
    *,
    values: Mapping[str, Any] | None = None,
    password: str | None = None,
    provider_id: int | None = None,
    recipient: str | None = None,
) -> str:
    """Note a run for a worker: of a stored provider, or of ``values`` from a form. Raises `Refused`.

    An empty password with a ``provider_id`` means the stored one.
    """
    if recipient:
        try:
            Address.parse(recipient)
        except InvalidAddress as error:
            raise Refused(f"The test recipient is not usable: {error}.", field="recipient") from error
    test_id = uuid.uuid4().hex
    sealed = None
    if values is not None:
        errors = check(values)
        if errors:
            raise RefusedFields(errors)
        text = json.dumps({"values": dict(values), "password": password or None})
        sealed = vault.seal(text.encode(), table="connection_test", row=test_id, column="settings")
        encryption, username = values["encryption"], values.get("username")
    elif provider_id is not None:
        stored = providers.get(database, provider_id)
        encryption, username = stored.encryption, stored.username
    else:
        raise Refused("There is nothing to test.")
    # The whole way is shown from the start, so that a page has room for every stage before any is reached.
    pending = course(encryption, signs_in=bool(username), sends=bool(recipient))
    now = datetime.now(UTC)
    with database.write() as session:
        session.execute(delete(ConnectionTest).where(ConnectionTest.created_at < now - _KEPT))
        session.add(
            ConnectionTest(
                id=test_id,
                provider_id=provider_id,
                sealed_settings=sealed,
                recipient=recipient or None,
                state="waiting",
                report={"stages": [], "pending": pending},
                created_at=now,
                updated_at=now,
            )
        )
    return test_id


def get(database: Database, test_id: str) -> ConnectionTest | None:
    """The run with its report so far."""
    with database.read() as session:
        return session.get(ConnectionTest, test_id)


def newest_of(database: Database, provider_id: int, since: datetime) -> str | None:
    """The newest run of a stored provider, so that its page shows it again after a reload."""
    with database.read() as session:
        return session.scalar(
            select(ConnectionTest.id)
            .where(ConnectionTest.provider_id == provider_id, ConnectionTest.created_at >= since)
            .order_by(ConnectionTest.created_at.desc())
            .limit(1)
        )


def cancel(database: Database, test_id: str) -> None:
    """Ask a run to stop; the worker sees it at its next stage."""
    with database.write() as session:
        session.execute(
            update(ConnectionTest)
            .where(ConnectionTest.id == test_id, ConnectionTest.state.in_(("waiting", "running")))
            .values(state="cancelled", sealed_settings=None, updated_at=datetime.now(UTC))
        )


def workers_alive(database: Database, now: datetime | None = None) -> int:
    """How many workers have been heard of lately."""
    moment = (now or datetime.now(UTC)) - timedelta(seconds=15)
    with database.read() as session:
        return (
            session.scalar(
                select(func.count())
                .select_from(Worker)
                .where(Worker.stopped_at.is_(None), Worker.heartbeat_at > moment)
            )
            or 0
        )


class Runner:
    """Carries out runs in the worker."""

    def __init__(self, database: Database, vault: Vault, *, dns_servers: tuple[str, ...], greet_as: str) -> None:
        self._database = database
        self._vault = vault
        self._dns_servers = dns_servers
        self._greet_as = greet_as

    def __call__(self, test_id: str) -> None:
        """Carry out one run; everything it finds is in its row."""
        test = get(self._database, test_id)
        if test is None or not self._save(test_id, test.report, state="running", only=("waiting",)):
            return
        try:
            target, provider = self._target(test)
        except (Refused, WrongMasterKey, SealBroken) as error:
            unreached = test.report.get("pending", [])
            found = {"stages": [], "unreached": unreached, "error": _plain_error(str(error))}
            self._finish(test_id, found, "failed")
            return
        mail = _message(provider, test.recipient)
        try:
            report = probe(target, mail, progress=lambda so_far: self._progress(test_id, so_far))
        except Cancelled:
            log.info("a connection test was stopped")
            return
        shown = report.to_json()
        if report.failure is None:
            self._finish(test_id, shown, "succeeded")
            self._forgive(test.provider_id if test.sealed_settings is None else None)
        else:
            shown["error"] = explain(report.failure, provider.preset)
            self._finish(test_id, shown, "failed")

    def _target(self, test: ConnectionTest) -> tuple[Target, Provider]:
        stored = providers.get(self._database, test.provider_id) if test.provider_id is not None else None
        if test.sealed_settings is None:
            if stored is None:
                raise Refused("There is nothing to test.")
            target = target_of(stored, self._vault, dns_servers=self._dns_servers, greet_as=self._greet_as)
            return _patient(target, target.password), stored
        text = self._vault.open(test.sealed_settings, table="connection_test", row=test.id, column="settings")
        data = json.loads(text)
        values = data["values"]
        form = Provider(
            id=0, timeouts={}, **{key: values.get(key) for key in ("host", "port", "encryption", "username")}
        )
        form.from_email, form.from_name, form.preset = (
            values["from_email"],
            values.get("from_name"),
            values.get("preset"),
        )
        form.name, form.password_sealed = values["name"], None
        password = data["password"]
        if password is None and stored is not None and stored.host == form.host and stored.username == form.username:
            # Only for the server and account it was given for: a changed host must not be sent the password.
            password = target_of(stored, self._vault, dns_servers=(), greet_as="").password
        target = target_of(form, self._vault, dns_servers=self._dns_servers, greet_as=self._greet_as)
        return _patient(target, password), form

    def _progress(self, test_id: str, report: Report) -> None:
        if not self._save(test_id, report.to_json(), state="running", only=("running",)):
            raise Cancelled

    def _finish(self, test_id: str, report: dict[str, Any], state: str) -> None:
        self._save(test_id, report, state=state, only=("running", "waiting"), forget=True)

    def _save(
        self, test_id: str, report: dict[str, Any], *, state: str, only: tuple[str, ...], forget: bool = False
    ) -> bool:
        values: dict[str, Any] = {"report": report, "state": state, "updated_at": datetime.now(UTC)}
        if forget:
            values["sealed_settings"] = None
        with self._database.transaction() as connection:
            done = connection.execute(
                update(ConnectionTest)
                .where(ConnectionTest.id == test_id, ConnectionTest.state.in_(only))
                .values(values)
            )
            return done.rowcount == 1

    def _forgive(self, provider_id: int | None) -> None:
        """A test that works is a person's word that the provider is well: its breaker closes."""
        if provider_id is None:
            return
        now = datetime.now(UTC)
        with self._database.write() as session:
            session.execute(delete(BreakerState).where(BreakerState.provider_id == provider_id))
            announce(session, now)


def explain(reply: Reply, preset: str | None) -> dict[str, Any]:
    """What happened, why most likely, and what to do next."""
    verdict = judge(reply, provider=preset)
    told = help_for(verdict)
    return {
        "title": told.title,
        "happened": told.happened,
        "why": told.why,
        "class": verdict.cls.value,
        "reply": reply.line(),
        "stage": reply.stage.value,
        "next_step": verdict.hint,
        "guide": told.guide,
    }


def _plain_error(text: str) -> dict[str, Any]:
    return {"title": "The test could not start", "class": None, "reply": text, "stage": None, "next_step": text}


def _patient(target: Target, password: str | None) -> Target:
    return Target(
        host=target.host,
        port=target.port,
        encryption=target.encryption,
        username=target.username,
        password=password,
        timeouts=_TIMEOUTS,
        dns_servers=target.dns_servers,
        greet_as=target.greet_as,
        ca_file=target.ca_file,
    )


def _message(provider: Provider, recipient: str | None) -> Outgoing:
    """The test message; without a recipient only its sender is asked about."""
    sender = Address.parse(provider.from_email)
    if not recipient:
        return Outgoing(sender.wire(), (), b"", 0, needs_smtputf8=sender.needs_smtputf8)
    raw = compose(
        MailParts(
            from_=parse_mailbox(f'"{provider.from_name}" <{sender}>' if provider.from_name else str(sender), "from"),
            to=(parse_mailbox(recipient),),
            subject=f"SendDock test through {provider.name}",
            date=datetime.now(UTC),
            message_id=f"<{uuid.uuid4()}@{sender.ascii_domain}>",
            text="This is a test message from SendDock. The provider works.\n",
        )
    )
    to = Address.parse(recipient)
    unusual = sender.needs_smtputf8 or to.needs_smtputf8
    return Outgoing(sender.wire(), (to.wire(),), dot_stuff(raw), len(raw), needs_smtputf8=unusual)
