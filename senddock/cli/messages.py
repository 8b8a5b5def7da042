"""Commands about mail that was handed over: look at it, act on it, explain a server's answer."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from senddock.cli.house import House, as_json, done, pass_house, show, shown, table
from senddock.cli.sending import story_of
from senddock.domain.status import Status

if TYPE_CHECKING:
    from senddock.domain.rules import RulePack


@click.group()
def messages() -> None:
    """The log."""


@messages.command("list")
@click.option("--status", "state", type=click.Choice([one.value for one in Status]))
@click.option("--provider", type=int)
@click.option("--recipient")
@click.option("--limit", type=click.IntRange(1, 1000), default=50)
@as_json
@pass_house
def messages_list(
    house: House, state: str | None, provider: int | None, recipient: str | None, limit: int, as_json: bool
) -> None:
    """Show the newest messages."""
    from senddock.dispatch import log_list
    from senddock.dispatch.refusals import Refused
    from senddock.domain.log_filter import LogFilter
    from senddock.models import Provider

    with house.database.read() as session:
        # One that was removed stays in the log.
        if provider is not None and session.get(Provider, provider) is None:
            raise Refused(f"There is no provider {provider}: `senddock provider list` shows them.", code="not_found")
        chosen = LogFilter(state=state, provider=provider, text=recipient)
        rows = log_list.page(session, chosen, limit=limit).rows
    if as_json:
        show(
            [
                {
                    "id": row.id,
                    "created_at": row.created_at,
                    "status": row.state,
                    "from": row.from_header,
                    "to": row.to_header,
                    "subject": row.subject,
                    "attempts": row.attempts,
                    "class": row.last_class,
                    "code": row.last_code,
                    "next_attempt_at": row.due_at,
                }
                for row in rows
            ]
        )
        return
    table(
        ["ID", "TIME", "STATE", "TO", "SUBJECT", "ATTEMPTS", "CLASS"],
        [
            [
                row.id,
                row.created_at.strftime("%F %T"),
                row.state,
                row.to_header,
                row.subject,
                row.attempts,
                row.last_class,
            ]
            for row in rows
        ],
        "No message yet." if chosen == LogFilter() else "No message like that.",
    )


@messages.command("show")
@click.argument("message_id")
@as_json
@pass_house
def messages_show(house: House, message_id: str, as_json: bool) -> None:
    """Show one message's story."""
    story = story_of(house, message_id)
    if as_json:
        show(story)
        return
    click.echo(f"{story['id']}  {story['state']}  {shown(story['subject'])}")
    for attempt in story["attempts"]:
        after = " → next provider" if attempt["fail_over"] else ""
        click.echo(
            f"  {attempt['started_at']}  {attempt['provider']}: {attempt['class']} at {attempt['stage']} in "
            f"{attempt['duration_ms']} ms: {attempt['code'] or ''} {attempt['text'] or ''}{after}"
        )
        told = attempt["help"]
        if told is not None:
            click.echo(f"    {told['happened']} Next: {told['next_step']} Guide: {told['guide']}")
        rewritten = (attempt["plan"] or {}).get("rewritten")
        if rewritten:
            click.echo(f"    From was rewritten: {shown(rewritten['from'])} → {rewritten['to']}")
    for delivery in story["deliveries"]:
        click.echo(f"  {delivery['recipient']}: {delivery['status']}  {delivery['reply'] or ''}")
    for remark in story["warnings"]:
        click.echo(f"  Warning: {remark['message']}")
    if story["reason"]:
        click.echo(f"  waits: {story['reason']}; next try {story['next_attempt_at']}")


@messages.command("retry")
@click.argument("message_id")
@click.option("--provider", type=int, help="Send through this provider.")
@as_json
@pass_house
def messages_retry(house: House, message_id: str, provider: int | None, as_json: bool) -> None:
    """Send again to the recipients that were not accepted."""
    from senddock.dispatch import actions

    actions.retry(house.database, message_id, provider_id=provider, by="cli")
    house.wake()
    done({"id": message_id, "status": "queued"}, "Queued again.", as_json)


@messages.command("cancel")
@click.argument("message_id")
@as_json
@pass_house
def messages_cancel(house: House, message_id: str, as_json: bool) -> None:
    """Take a waiting message out of the queue."""
    from senddock.dispatch import actions

    actions.cancel(house.database, message_id, by="cli")
    done({"id": message_id, "status": "canceled"}, "Canceled.", as_json)


@click.command()
@as_json
@pass_house
def status(house: House, as_json: bool) -> None:
    """Show the queue, the providers and the workers."""
    from senddock.dispatch import journal

    with house.database.read() as session:
        found = journal.queue_status(session, datetime.now(UTC))
    if as_json:
        show(found)
        return
    click.echo("  ".join(f"{name} {number}" for name, number in found["queue"].items()))
    click.echo(f"workers {found['workers']}")
    for provider in found["providers"]:
        click.echo(f"{provider['id']:>4}  {provider['state']:<11} {provider['name']}")


@click.command()
@click.argument("reply_line")
@click.option("--provider", help="Key of the provider in the catalogue, such as ses.")
@click.option("--stage")
@as_json
@pass_house
def explain(house: House, reply_line: str, provider: str | None, stage: str | None, as_json: bool) -> None:
    """Say what a server's answer means and what to do about it.

    Rules that were taught in the panel come first, as they do when mail is sent.
    """
    from senddock.domain.catalogue import catalogue
    from senddock.domain.error_help import help_for
    from senddock.domain.reply import Stage, parse_reply
    from senddock.domain.verdict import FailOver, judge

    if provider is not None and provider not in catalogue():
        raise click.BadParameter(f"{provider!r} is none of {', '.join(catalogue())}.", param_hint="--provider")
    if stage is not None and stage not in list(Stage):
        raise click.UsageError(f"--stage is one of {', '.join(Stage)}")
    reply = parse_reply(reply_line, Stage(stage) if stage else None)
    verdict = judge(reply, provider=provider, now=datetime.now(UTC), rules=_rules(house))
    told = help_for(verdict)
    answer = {
        "class": verdict.cls.value,
        "blame": verdict.blame.value,
        "fail_over": verdict.fail_over not in (FailOver.NO, FailOver.LARGER, FailOver.IF_WAIT),
        "retry": verdict.retry,
        "wait_seconds": verdict.wait_seconds,
        "pause": verdict.pause,
        "hint": verdict.hint,
        "rule": verdict.rule,
        "title": verdict.title,
        "fail_over_when": verdict.fail_over.value,
        "happened": told.happened,
        "why": told.why,
        "guide": f"/guides/{told.guide}",
    }
    if as_json:
        show(answer)
        return
    click.echo(
        f"{told.title} ({verdict.cls.value})\n{told.happened} {told.why}\nNext: {told.next_step}\nGuide: {told.guide}"
    )
    if verdict.rule:
        click.echo(
            f"Rule: {verdict.rule}{' (taught in this installation)' if verdict.rule.startswith('taught-') else ''}"
        )


def _rules(house: House) -> "RulePack | None":
    """The rules of this installation, or ``None`` for the product's own: an answer is explained without a database too."""
    from senddock.dispatch import teaching
    from senddock.models import StorageUnavailable

    if not house.has_database:
        return None
    try:
        with house.database.read() as session:
            return teaching.pack(session)
    except StorageUnavailable as error:
        click.echo(f"Without the rules that were taught here: {error}", err=True)
        return None
