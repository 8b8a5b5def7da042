"""Rules that operators teach: stored, shown against past attempts, loaded with the roster, taken back."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from senddock.dispatch.refusals import Refused
from senddock.dispatch.version import announce
from senddock.domain.reply import Reply, Stage
from senddock.domain.rules import Rule, RulePack, standard_rules
from senddock.domain.taught_rule import BadPattern, rule_of
from senddock.domain.verdict import judge
from senddock.domain.verdict_class import VerdictClass
from senddock.models import Attempt, Database, Provider, TaughtRule

_log = logging.getLogger(__name__)
#: Attempts looked at by a preview, the newest first.
LOOKED_AT = 2000
#: What may be taught: the other classes are facts of the conversation and no readings of a text.
TEACHABLE = tuple(
    cls for cls in VerdictClass if cls not in (VerdictClass.ACCEPTED, VerdictClass.UNCERTAIN, VerdictClass.UNKNOWN)
)


@dataclass(frozen=True, slots=True)
class Draft:
    """A rule before it is stored."""

    pattern: str
    cls: VerdictClass
    preset: str | None = None
    pause: bool = False
    hint: str | None = None
    message_id: str | None = None
    attempt: int | None = None

    def rule(self) -> Rule:
        """Raises `Refused` when the pattern is none."""
        try:
            return rule_of(0, self.pattern, self.cls, self.preset, self.hint, pause=self.pause)
        except BadPattern as error:
            raise Refused(str(error), field="pattern") from error


@dataclass(frozen=True, slots=True)
class Change:
    """A past attempt that the rule would have read differently."""

    message_id: str
    number: int
    provider: str
    line: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Preview:
    """What a rule would have done: attempts it fits, and those among them whose class it changes."""

    looked_at: int
    fits: int
    changes: Sequence[Change]


def pack(session: Session) -> RulePack:
    """The product's rules behind the taught ones, the newest taught first."""
    rows = session.scalars(select(TaughtRule).where(TaughtRule.removed_at.is_(None)).order_by(TaughtRule.id.desc()))
    taught = [
        rule_of(row.id, row.pattern, VerdictClass(row.verdict_class), row.preset, row.hint, pause=row.pause)
        for row in rows
    ]
    return standard_rules().after(taught)


def preview(session: Session, draft: Draft) -> Preview:
    """Read the newest attempts once more with the rule in front. Raises `Refused` for a pattern that is none."""
    rule = draft.rule()
    presets: dict[int, str | None] = {
        row.id: row.preset for row in session.execute(select(Provider.id, Provider.preset))
    }
    found = session.scalars(
        select(Attempt)
        .where(Attempt.verdict_class != "accepted", Attempt.text.is_not(None))
        .order_by(Attempt.started_at.desc())
        .limit(LOOKED_AT)
    ).all()
    with_it = RulePack((), [rule])
    fits, changes = 0, []
    for attempt in found:
        reply = reply_of_attempt(attempt)
        preset = presets.get(attempt.provider_id)
        if with_it.match(reply, preset) is None:
            continue
        fits += 1
        after = judge(reply, provider=preset, rules=with_it).cls
        if after != attempt.verdict_class:
            changes.append(
                Change(
                    attempt.message_id, attempt.number, attempt.provider_name, reply.line(),
                    attempt.verdict_class or "unknown", after.value,
                )
            )  # fmt: skip
    return Preview(len(found), fits, changes)


def teach(database: Database, draft: Draft, *, by: str, now: datetime) -> TaughtRule:
    """Store the rule; workers use it within a second. Raises `Refused`."""
    draft.rule()
    if draft.cls not in TEACHABLE:
        raise Refused("Choose what the words mean.", field="verdict_class")
    with database.write() as session:
        row = TaughtRule(
            pattern=" ".join(draft.pattern.split()), verdict_class=draft.cls.value, preset=draft.preset or None,
            pause=draft.pause, hint=draft.hint or None, message_id=draft.message_id, attempt=draft.attempt,
            created_at=now, created_by=by,
        )  # fmt: skip
        session.add(row)
        announce(session, now)
    _log.info("rule %s taught by %s: %r means %s", row.id, by, row.pattern, row.verdict_class)
    return row


def take_back(database: Database, rule_id: int, *, by: str, now: datetime) -> None:
    """Stop using a rule; it stays as history. Raises `Refused` with code ``not_found``."""
    with database.write() as session:
        row = session.get(TaughtRule, rule_id)
        if row is None or row.removed_at is not None:
            raise Refused("There is no such rule.", code="not_found")
        row.removed_at, row.removed_by = now, by
        announce(session, now)
    _log.info("rule %s taken back by %s", rule_id, by)


def rules(session: Session) -> Sequence[TaughtRule]:
    """All of them, those in force first."""
    return session.scalars(select(TaughtRule).order_by(TaughtRule.removed_at.is_not(None), TaughtRule.id.desc())).all()


def reply_of_attempt(attempt: Attempt) -> Reply:
    """The reply that the attempt ended with."""
    stage = Stage(attempt.stage) if attempt.stage in set(Stage) else Stage.FINAL_DOT
    return Reply(stage, attempt.code, attempt.enhanced, attempt.text or "")
