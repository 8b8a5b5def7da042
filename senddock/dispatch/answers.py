"""What a server said in one transaction: one reply a recipient, and what else the attempt's row tells."""

from collections.abc import Mapping
from typing import Any

from senddock.dispatch.task import Transaction
from senddock.domain.reply import Reply
from senddock.smtp.session import Opening


def answers(count: int, opening: Opening | None, reply: Reply | None) -> tuple[Reply, list[Reply]]:
    """The reply that stands for the attempt, and one for each recipient (RFC 5321 section 3.3).

    A refusal of RCPT is that recipient's own; the reply to MAIL, DATA or the final dot is everybody's else.
    """
    whole = reply or (opening.refusal if opening else None)
    if opening is None or not opening.recipients:
        assert whole is not None
        return whole, [whole] * count
    answers = [item if not item.positive else whole for item in opening.recipients]
    if whole is None:
        # Every recipient was refused: the first refusal stands for the attempt.
        whole = next(item for item in opening.recipients if not item.positive)
    return whole, [answer if answer is not None else whole for answer in answers]


def detail_of(transaction: Transaction, reply: Reply, timings: Mapping[str, float], *, reused: bool) -> dict[str, Any]:
    """What is worth telling of an attempt besides its columns; ``timings`` are the milliseconds of opening its session."""
    detail: dict[str, Any] = {"session": "reused" if reused else "new"}
    if timings:
        detail["stages_ms"] = timings
    if reply.code is None and "imeout" in reply.text:
        detail["timed_out"] = True
    if transaction.retried_fresh:
        detail["note"] = "an open session had been closed by the server; sent again on a new one"
    return detail
