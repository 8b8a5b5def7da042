"""Experiments: made, ended and read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from senddock.dispatch.refusals import Refused, RefusedFields
from senddock.dispatch.roster import view_of
from senddock.dispatch.routes import order_of
from senddock.dispatch.sums import add_sums, adding
from senddock.dispatch.tally import pen_of
from senddock.dispatch.version import announce
from senddock.domain.experiment import Arm
from senddock.domain.experiment_verdict import METRICS, OUTCOMES, ArmCounts, Judgement, judge
from senddock.domain.latency import quantile
from senddock.models import Database, Experiment, ExperimentRecipient, ExperimentResult, Provider, Stream

#: Recipients an arm needs at least, whatever the test says: below, shares are too coarse to act on.
LEAST_MINIMUM = 100
#: Risk of ever naming a winner among equal arms.
RISK = 0.05
_LONGEST = timedelta(days=180)
_RESULTS = adding(ExperimentResult, "recipients")


@dataclass(frozen=True, slots=True)
class Line:
    """One arm's figures, for all recipients or those at one mailbox provider."""

    counts: ArmCounts
    name: str
    p50: float | None
    p95: float | None


@dataclass(frozen=True, slots=True)
class Report:
    """An experiment with what it shows now."""

    row: Experiment
    stream: str
    #: ``planned``, ``running`` or ``over``.
    phase: str
    lines: Sequence[Line]
    by_mailbox: Mapping[str, Sequence[Line]]
    judgement: Judgement
    names: Mapping[int, str]


def start(
    database: Database,
    stream_id: int,
    name: str,
    arms: Sequence[tuple[int, float]],
    *,
    ends_at: datetime,
    starts_at: datetime | None = None,
    metric: str = "not_accepted",
    minimum: int = 500,
) -> Experiment:
    """Make one; ``arms`` are (provider id, per cent). Raises `RefusedFields`; one stream has one at a time."""
    now = datetime.now(UTC)
    begin = max(starts_at or now, now)
    errors = _errors(name, arms, metric, minimum, begin, ends_at)
    with database.write() as session:
        order = order_of(session, stream_id)
        known = {item.provider_id for item in order.routes if item.enabled}
        if "arms" not in errors and not {arm[0] for arm in arms} <= known:
            errors["arms"] = "Every arm has to be an enabled provider of this stream's order: add it there first."
        busy = session.scalar(
            select(Experiment.name).where(Experiment.stream_id == stream_id, Experiment.ends_at > now)
        )
        if busy is not None:
            errors["name"] = f"“{busy}” is not over yet, and a stream has one experiment at a time: end it first."
        if errors:
            raise RefusedFields(errors)
        row = Experiment(
            stream_id=stream_id,
            name=name.strip(),
            arms=[{"provider_id": provider_id, "share": share} for provider_id, share in arms],
            metric=metric,
            minimum=minimum,
            starts_at=begin,
            ends_at=ends_at,
            created_at=now,
        )
        session.add(row)
        announce(session, now)
    return row


def end(database: Database, experiment_id: int) -> None:
    """End it now; what it counted stays. Raises `Refused`."""
    now = datetime.now(UTC)
    with database.write() as session:
        row = _get(session, experiment_id)
        row.ends_at = min(row.ends_at, now)
        row.starts_at = min(row.starts_at, row.ends_at)
        announce(session, now)


def remove(database: Database, experiment_id: int) -> None:
    """Delete it with its results. Raises `Refused`."""
    with database.write() as session:
        row = _get(session, experiment_id)
        for table in (ExperimentResult, ExperimentRecipient):
            session.execute(delete(table).where(table.experiment_id == experiment_id))
        session.delete(row)
        announce(session, datetime.now(UTC))


def all_experiments(session: Session, stream_id: int | None = None) -> Sequence[Experiment]:
    """The newest first."""
    query = select(Experiment).order_by(Experiment.id.desc())
    return session.scalars(query if stream_id is None else query.where(Experiment.stream_id == stream_id)).all()


def report(session: Session, experiment_id: int, now: datetime) -> Report:
    """What it shows now. Raises `Refused` with code ``not_found``."""
    row = _get(session, experiment_id)
    arms = [Arm(int(arm["provider_id"]), float(arm["share"])) for arm in row.arms]
    names = {provider.id: provider.name for provider in session.scalars(select(Provider))}
    results = session.execute(
        select(
            ExperimentResult.provider_id,
            ExperimentResult.mailbox,
            ExperimentResult.outcome,
            ExperimentResult.bucket,
            ExperimentResult.recipients,
        ).where(ExperimentResult.experiment_id == experiment_id)
    ).all()
    boxes: dict[str, int] = {}
    for _, mailbox, _, _, number in results:
        boxes[mailbox] = boxes.get(mailbox, 0) + number
    by_mailbox = {
        mailbox: [_line(arm, names, [result for result in results if result.mailbox == mailbox]) for arm in arms]
        for mailbox in sorted(boxes, key=lambda name: (-boxes[name], name))
    }
    lines = [_line(arm, names, results) for arm in arms]
    phase = "planned" if now < row.starts_at else "running" if now < row.ends_at else "over"
    stream = session.scalar(select(Stream.name).where(Stream.id == row.stream_id)) or ""
    found = judge([line.counts for line in lines], row.metric, names, minimum=row.minimum, risk=RISK)
    return Report(row, stream, phase, lines, by_mailbox, found, names)


def note_evidence(session: Session, recipient: str, kind: str, *, stream_id: int) -> None:
    """A bounce or complaint that arrived after acceptance (``bounced`` or ``complained``), counted once a recipient."""
    for row in all_experiments(session, stream_id):
        noted = session.get(ExperimentRecipient, (row.id, view_of(row).hash_of(recipient)), with_for_update=True)
        if noted is not None and noted.evidence is None:
            noted.evidence = kind
            session.flush()
            add_sums(
                pen_of(session.connection()), _RESULTS, {(row.id, noted.provider_id, noted.mailbox, kind, 0): (1,)}
            )


def report_json(found: Report) -> dict[str, Any]:
    """The outward shape."""
    row = found.row
    return {
        "id": row.id,
        "name": row.name,
        "stream": found.stream,
        "phase": found.phase,
        "metric": row.metric,
        "minimum": row.minimum,
        "starts_at": row.starts_at.isoformat(),
        "ends_at": row.ends_at.isoformat(),
        "state": found.judgement.state,
        "verdict": found.judgement.sentence,
        "winner": found.names.get(found.judgement.winner) if found.judgement.winner is not None else None,
        "arms": [_line_json(line, row.metric) for line in found.lines],
        "by_mailbox_provider": {
            mailbox: [_line_json(line, row.metric) for line in lines] for mailbox, lines in found.by_mailbox.items()
        },
        "comparisons": [
            {
                "one": found.names.get(item.one),
                "other": found.names.get(item.other),
                "difference": item.difference.estimate,
                "low": item.difference.low,
                "high": item.difference.high,
                "decided": item.decided,
            }
            for item in found.judgement.comparisons
        ],
    }


def _line_json(line: Line, metric: str) -> dict[str, Any]:
    rate = line.counts.rate(metric)
    return {
        "provider_id": line.counts.arm.provider_id,
        "provider": line.name,
        "share": line.counts.arm.share,
        "recipients": line.counts.recipients,
        **{outcome: line.counts.outcomes.get(outcome, 0) for outcome in OUTCOMES},
        "rate": None if rate is None else {"estimate": rate.estimate, "low": rate.low, "high": rate.high},
        "p50_ms": line.p50,
        "p95_ms": line.p95,
    }


def _line(arm: Arm, names: Mapping[int, str], results: Sequence[Any]) -> Line:
    outcomes: dict[str, int] = {}
    histogram: dict[int, int] = {}
    for result in results:
        if result.provider_id == arm.provider_id:
            outcomes[result.outcome] = outcomes.get(result.outcome, 0) + result.recipients
            if result.outcome == "accepted":
                histogram[result.bucket] = histogram.get(result.bucket, 0) + result.recipients
    name = names.get(arm.provider_id, "?")
    return Line(ArmCounts(arm, outcomes), name, quantile(histogram, 0.5), quantile(histogram, 0.95))


def _errors(
    name: str, arms: Sequence[tuple[int, float]], metric: str, minimum: int, begin: datetime, ends_at: datetime
) -> dict[str, str]:
    errors = {}
    if not 1 <= len(name.strip()) <= 100:
        errors["name"] = "Give the experiment a name, such as “SES or Resend for invoices”."
    if len({arm[0] for arm in arms}) != len(arms) or not 2 <= len(arms) <= 4:
        errors["arms"] = "An experiment has two to four arms, each a provider of its own."
    elif any(not 1 <= share <= 99 for _, share in arms) or sum(share for _, share in arms) > 100.001:
        errors["arms"] = "Each share is 1 to 99 per cent, and together they are at most 100."
    if metric not in METRICS:
        errors["metric"] = f"The metric is one of {', '.join(METRICS)}."
    if not LEAST_MINIMUM <= minimum <= 10_000_000:
        errors["minimum"] = f"The minimum is a number of recipients of at least {LEAST_MINIMUM} for each arm."
    if not begin < ends_at <= begin + _LONGEST:
        errors["ends_at"] = "The end lies after the start, at most 180 days."
    return errors


def _get(session: Session, experiment_id: int) -> Experiment:
    row = session.get(Experiment, experiment_id)
    if row is None:
        raise Refused(f"There is no experiment {experiment_id}.", code="not_found")
    return row


def running(session: Session, now: datetime) -> int:
    """How many run now."""
    query = select(func.count()).select_from(Experiment).where(Experiment.starts_at <= now, Experiment.ends_at > now)
    return session.scalar(query) or 0
