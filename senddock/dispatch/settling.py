"""Outcomes as rows: what an attempt, or the end of a claim, changes on disk. Built here, committed by the recorder."""

import json
import time
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from senddock.dispatch.exposure import Exposure
from senddock.dispatch.settlement import Settlement
from senddock.dispatch.tally import Tally
from senddock.dispatch.task import Pending, Task, Transaction
from senddock.domain.experiment_verdict import outcome_of
from senddock.domain.explanation import explain, explain_use
from senddock.domain.mailbox import counted_as, mailbox_provider
from senddock.domain.reply import Reply
from senddock.domain.routing import LeftOut
from senddock.domain.status import Status
from senddock.domain.verdict import Verdict
from senddock.models import Provider
from senddock.models.prepared import JsonText

#: All that most attempts have to say.
_REUSED_DETAIL = {"session": "reused"}
_REUSED = JsonText(json.dumps(_REUSED_DETAIL))


def attempt_row(task: Task, transaction: Transaction) -> dict[str, Any]:
    """The attempt's row as it is before its outcome is known."""
    return {
        "message_id": task.id,
        "number": task.number,
        "provider_id": transaction.provider.id,
        "provider_name": transaction.provider.name,
        "started_at": transaction.started_at,
        "dot_at": transaction.dot_at,
        "finished_at": None,
        "duration_ms": None,
        "recipients": len(transaction.recipients),
        "stage": None,
        "verdict_class": None,
        "code": None,
        "enhanced": None,
        "text": None,
        "rule": None,
        "fail_over": False,
        "tls": None,
        "plan": _plan(transaction),
        # Should this worker die after the dot, only these recipients are in doubt.
        "detail": {} if len(transaction.recipients) == len(task.pending) else {"deliveries": _ids(transaction)},
    }


def _plan(transaction: Transaction) -> JsonText | dict[str, Any]:
    decision, chosen = transaction.decision, transaction.provider.name
    if transaction.rewritten is None:
        return _plan_text(chosen, decision.why, tuple(decision.left_out))
    return {**explain_use(chosen, decision.why, decision.left_out), "rewritten": transaction.rewritten.told()}


@lru_cache(maxsize=256)
def _plan_text(chosen: str, why: str, left_out: tuple[LeftOut, ...]) -> JsonText:
    """The same for most messages of a stream, so it is written once."""
    return JsonText(json.dumps(explain_use(chosen, why, left_out)))


def attempt_settlement(
    task: Task,
    transaction: Transaction,
    verdict: Verdict,
    reply: Reply,
    replies: Sequence[Reply],
    verdicts: Sequence[Verdict],
    tls: str | None,
    detail: dict[str, Any],
    following: Provider | None,
    now: datetime,
) -> Settlement:
    """The outcome of an attempt, for the recorder; ``following`` is the provider that carries on, if any.

    An attempt and what it means for its recipients are written in one transaction: a worker that dies between the two
    would leave an accepted message in the queue. The last attempt's outcome carries the end of the claim as well.
    """
    duration = (time.monotonic() - transaction.clock) * 1000
    handed_over = following is not None and following.id != transaction.provider.id
    task.failed_over = task.failed_over or handed_over
    if len(task.pending) + len(task.others) > 1:
        detail["recipients"] = [
            {"recipient": item.recipient, "class": meant.cls.value, "reply": answer.line()}
            for item, answer, meant in zip(transaction.recipients, replies, verdicts, strict=True)
        ]
    attempt = transaction.row or attempt_row(task, transaction)
    if following is not None:
        # `open_transaction` of the next attempt has moved the counter on.
        attempt["number"] = task.number - 1
    attempt.update(
        finished_at=now,
        duration_ms=round(duration, 1),
        stage=reply.stage.value,
        verdict_class=verdict.cls.value,
        code=reply.code,
        enhanced=reply.enhanced,
        text=reply.text[:2000],
        rule=verdict.rule,
        fail_over=handed_over,
        tls=tls,
        detail=_REUSED if detail == _REUSED_DETAIL else detail,
    )
    tally = Tally(
        at=now,
        stream_id=task.stream.id,
        provider_id=transaction.provider.id,
        verdict_class=verdict.cls.value,
        recipients=[
            (counted_as(item.recipient.rpartition("@")[2], task.stream.named), meant.cls.value)
            for item, meant in zip(transaction.recipients, verdicts, strict=True)
        ],
        duration_ms=attempt["duration_ms"],
        failed_over=handed_over,
        exposures=_exposures(task, transaction, verdicts, duration) if task.stream.experiment is not None else (),
    )
    settlement = final_settlement(task, now) if following is None else Settlement(task.id, task.claimed.row.fence)
    settlement.deliveries += _decided(task, now)
    settlement.attempt, settlement.tally = attempt, tally
    return settlement


def _exposures(task: Task, transaction: Transaction, verdicts: Sequence[Verdict], duration: float) -> list[Exposure]:
    """Recipients whose first attempt this was in a running experiment."""
    experiment = task.stream.experiment
    found = []
    for item, meant in zip(transaction.recipients, verdicts, strict=True):
        if item.exposed and item.trial is not None and experiment is not None:
            item.exposed = False
            found.append(
                Exposure(
                    experiment_id=experiment.id,
                    recipient_hash=experiment.hash_of(item.recipient),
                    provider_id=item.trial.arm,
                    mailbox=mailbox_provider(item.recipient.rpartition("@")[2]),
                    outcome=outcome_of(meant.cls.value),
                    duration_ms=duration,
                )
            )
    return found


def final_settlement(task: Task, now: datetime) -> Settlement:
    """What was decided for each recipient: the message goes back to the queue, or ends."""
    state = task.state()
    waiting = [item for item in task.pending if item.decided is Status.DEFERRED or item.decided is Status.QUEUED]
    due = task.others_due
    if waiting or due is not None:
        times = [item.at for item in waiting if item.at is not None]
        due = min(times if due is None else [*times, due], default=None)
    if waiting and due is None:
        due = now
    if due is not None:
        # It must not stay in the queue beyond its age: then it is claimed once more, to expire.
        due = min(due, task.expires_at()) if due > now else due
    last = task.last
    counted = any(item.counts and item.last is not None for item in task.pending)
    task.rounds += 1 if counted else 0
    why = next((item.why for item in waiting if item.why), None)
    return Settlement(
        task.id,
        task.claimed.row.fence,
        deliveries=_decided(task, now),
        message={
            "v_state": state.value,
            "v_due_at": due,
            "v_attempts": task.number,
            "v_rounds": task.rounds,
            "v_provider_id": task.provider_id,
            "v_failed_over": task.failed_over,
            "v_last_class": last[0].cls.value if last else None,
            "v_last_code": last[1].code if last else None,
            "v_reason": why if waiting else None,
            "v_plan": explain(task.waits, {}) if waiting and task.waits else None,
            "v_finished_at": None if due is not None else now,
        },
    )


def _decided(task: Task, now: datetime) -> list[dict[str, Any]]:
    """Rows of the recipients that have been decided and not been written yet."""
    fresh = [item for item in task.pending if item.decided is not None and not item.written]
    for item in fresh:
        item.written = True
    return [_delivery_change(item, now) for item in fresh]


def _ids(transaction: Transaction) -> list[int]:
    return [item.delivery_id for item in transaction.recipients]


def _delivery_change(item: Pending, now: datetime) -> dict[str, Any]:
    waits = item.decided in (Status.DEFERRED, Status.QUEUED)
    verdict, reply = item.last or (None, None)
    text = reply.text[:2000] if reply else item.why
    if item.decided is Status.EXPIRED:
        text = item.why if reply is None else f"{item.why} Last answer: {reply.line()}"[:2000]
    return {
        "b_id": item.delivery_id,
        "v_status": (item.decided or Status.QUEUED).value,
        "v_next_attempt_at": item.at if waits else None,
        "v_tries": item.tries + (1 if item.counts and item.last is not None else 0),
        "v_sticky_provider_id": item.sticky if waits else None,
        "v_verdict_class": verdict.cls.value if verdict else None,
        "v_code": reply.code if reply else None,
        "v_enhanced": reply.enhanced if reply else None,
        "v_text": text,
        "v_finished_at": None if waits else now,
        "recipient": item.recipient,
        "suppress": verdict is not None and verdict.suppress and item.decided is Status.FAILED,
    }
