"""`senddock send`: hand one message over from a shell."""

import mimetypes
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from senddock.cli.house import House, as_json, pass_house, show, standard_input
from senddock.domain.status import PENDING, Status

if TYPE_CHECKING:
    from senddock.dispatch.submission import Submission

#: Options of which a message that is composed here is made.
_COMPOSED = ("subject", "text", "html", "attach", "reply_to")


@click.command()
@click.option(
    "--to", multiple=True, help="A recipient; may be given several times. With --eml: instead of its header's."
)
@click.option("--cc", multiple=True)
@click.option("--bcc", multiple=True)
@click.option("--from", "from_", help="Left out, the chosen provider's From is used.")
@click.option("--reply-to", multiple=True)
@click.option("--subject")
@click.option("--text", help="Left out, the text is read from standard input when that is a file or a pipe.")
@click.option("--html")
@click.option("--attach", multiple=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--eml",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True),
    help="A whole message; - reads standard input.",
)
@click.option("--at", help="When to send: ISO 8601, or 'in 2 hours'.")
@click.option("--expires", help="Of no use after that, such as a code: ISO 8601, or 'in 10 minutes'.")
@click.option("--stream")
@click.option("--wait", is_flag=True, help="Wait until every recipient has an outcome.")
@as_json
@pass_house
def send(house: House, /, eml: Any, stream: str | None, wait: bool, as_json: bool, **given: Any) -> None:
    """Hand over one message."""
    from senddock.content.invalid import InvalidContent

    try:
        made = _whole(house, _octets(eml), stream, given) if eml is not None else _composed(house, stream, given)
    except InvalidContent as error:
        raise click.ClickException(error.message) from error
    message_id = hand_over(house, made)
    warnings = made.meta.get("warnings", [])
    # To a person only: cron would send a mail about every word on standard error.
    for remark in warnings if sys.stderr.isatty() else ():
        click.echo(f"Warning: {remark['message']}", err=True)
    if wait:
        while Status(story_of(house, message_id)["state"]) in PENDING:
            time.sleep(0.1)
    if as_json:
        show(
            story_of(house, message_id) if wait else {"id": message_id, **({"warnings": warnings} if warnings else {})}
        )
    else:
        click.echo(message_id)
    if wait and story_of(house, message_id)["state"] != Status.ACCEPTED.value:
        sys.exit(1)


def hand_over(house: House, made: "Submission") -> str:
    """Store it and wake a worker; answers the new id."""
    from senddock.dispatch.outbox import Outbox

    outbox = Outbox(house.database, house.wake)
    try:
        return outbox.submit([made]).ids[0]
    finally:
        outbox.close()


def whole_submission(
    house: House, data: bytes, *, sender: str | None, recipients: tuple[str, ...], stream: str | None
) -> "Submission":
    """A message that comes whole; its control fields count, and its header's recipients when none are given.

    Raises ``InvalidContent`` and ``Refused``.
    """
    from senddock.content.control_fields import wishes_of
    from senddock.content.invalid import InvalidContent
    from senddock.content.whole import WholeMessage
    from senddock.dispatch.channels import channel_of
    from senddock.dispatch.raw_mail import raw_submission
    from senddock.dispatch.sender_advice import SenderAdvice

    now = datetime.now(UTC)
    whole = WholeMessage(data)
    people = recipients or tuple(address for _, address in whole.mailboxes("to", "cc", "bcc"))
    if not people:
        raise InvalidContent("to", "The message names no recipient in To, Cc or Bcc: give one with --to.")
    wishes = wishes_of(whole.control(), now)
    channel = channel_of(house.database, via="cli", project_id=None, stream=stream or wishes.stream)
    return raw_submission(whole, sender, people, channel, now, wishes=wishes, advice=SenderAdvice(house.database))


def story_of(house: House, message_id: str) -> dict[str, Any]:
    """What the log says of a message. Raises ``Refused``."""
    from senddock.dispatch import journal
    from senddock.dispatch.refusals import Refused

    with house.database.read() as session:
        found = journal.story(session, message_id)
    if found is None:
        raise Refused("There is no message with this id.", code="not_found")
    return journal.story_json(found)


def _octets(eml: str) -> bytes:
    if eml != "-":
        return Path(eml).read_bytes()
    if sys.stdin is None:
        raise click.ClickException("--eml: standard input is closed")
    return sys.stdin.buffer.read()


def _whole(house: House, data: bytes, stream: str | None, given: dict[str, Any]) -> "Submission":
    unused = [f"--{name.replace('_', '-')}" for name in _COMPOSED if given[name]]
    if unused:
        raise click.UsageError(f"--eml brings a whole message: leave out {', '.join(unused)}")
    recipients = (*given["to"], *given["cc"], *given["bcc"])
    made = whole_submission(house, data, sender=given["from_"], recipients=recipients, stream=stream)
    at, expires = _times(given, made.scheduled_at)
    return replace(made, scheduled_at=at, expires_at=expires or made.expires_at)


def _composed(house: House, stream: str | None, given: dict[str, Any]) -> "Submission":
    from senddock.content.compose import Attachment
    from senddock.dispatch.channels import channel_of
    from senddock.dispatch.mailing import Mail, submission_of
    from senddock.dispatch.sender_advice import SenderAdvice

    text, now = given["text"], datetime.now(UTC)
    if not given["to"] or given["subject"] is None:
        raise click.UsageError("give --to and --subject, or a whole message with --eml")
    if text is None and given["html"] is None:
        if sys.stdin is not None and sys.stdin.isatty():
            raise click.UsageError("give --text or --html, or the text on standard input")
        text = standard_input("--text")
    at, expires = _times(given, None)
    files = tuple(
        Attachment(path.name, path.read_bytes(), mimetypes.guess_type(path.name)[0]) for path in given["attach"]
    )
    mail = Mail(
        to=given["to"], cc=given["cc"], bcc=given["bcc"], from_=given["from_"], reply_to=given["reply_to"],
        subject=given["subject"], text=text, html=given["html"], attachments=files, scheduled_at=at, expires_at=expires,
    )  # fmt: skip
    channel = channel_of(house.database, via="cli", project_id=None, stream=stream)
    return submission_of(mail, channel, now, SenderAdvice(house.database))


def _times(given: dict[str, Any], otherwise: datetime | None) -> tuple[datetime | None, datetime | None]:
    """When to send and until when. Raises ``click.UsageError``."""
    now = datetime.now(UTC)
    at, expires = _moment(given["at"], now) or otherwise, _moment(given["expires"], now)
    if expires is not None and expires <= max(now, at or now):
        raise click.UsageError("--expires: it is over before the message is to be sent")
    return at, expires


def _moment(text: str | None, now: datetime) -> datetime | None:
    from senddock.domain.schedule import UnreadableTime, read_time

    if text is None:
        return None
    try:
        return read_time(text, now)
    except UnreadableTime as error:
        raise click.UsageError(f"--at, --expires: {error}") from error
