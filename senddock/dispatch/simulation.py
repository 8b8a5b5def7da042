"""What would happen to a message handed over now: the engine's own decision, asked for without a message.

Nothing is taken from a limit and no turn of a share is used up; so among providers that share a priority the answer
names the one whose turn is first in an engine that has just started.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from senddock.dispatch.candidates import Candidates
from senddock.dispatch.health import Health
from senddock.dispatch.pace import Exhausted, Pace
from senddock.dispatch.refusals import Refused
from senddock.dispatch.roster import load
from senddock.dispatch.sender_standing import Standing, standings
from senddock.domain.envelope import Address, InvalidAddress
from senddock.domain.explanation import explain
from senddock.domain.mailbox import mailbox_provider
from senddock.domain.routing import Need, Use, plan
from senddock.models import Database, Provider

if TYPE_CHECKING:
    from redis import Redis


@dataclass(frozen=True, slots=True)
class Question:
    """A message as far as its route depends on it."""

    stream_id: int
    to: str
    #: Empty for the chosen provider's own From.
    sender: str = ""
    #: Octets.
    size: int = 10_000
    #: Providers taken as failed already, to see who comes next.
    failed: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Answer:
    """The plan as it is stored with an attempt, and what else there is to know about the chosen provider."""

    plan: dict[str, Any]
    provider: Provider | None
    notes: list[str] = field(default_factory=list)
    #: Providers that would be tried after it, in this order, if each of them failed.
    then: list[str] = field(default_factory=list)
    #: Those of the chosen provider and of `then` whose mail From this sender would fail DMARC, by provider name.
    unreal: dict[str, Standing] = field(default_factory=dict)


def simulate(database: Database, redis: "Redis | None", question: Question, now: datetime) -> Answer:
    """The decision now, with breakers, limits, sender rules and alignment. Raises `Refused` for unusable input."""
    sender = _address(question.sender, "from") if question.sender.strip() else None
    recipient = _address(question.to, "to")
    if question.size < 1:
        raise Refused("The size is a number of octets of at least 1.", field="size")
    health, pace = Health(database, redis), Pace(database, redis)
    with database.read() as session:
        snapshot = load(session)
        checked = {(item.provider_id, item.domain): item for item in standings(session)}
    stream = snapshot.streams.get(question.stream_id)
    if stream is None:
        raise Refused("There is no such stream.", field="stream", code="not_found")
    candidates = Candidates(lambda: now)
    for provider_id in stream.routes:
        provider = snapshot.providers.get(provider_id)
        room = pace.room(provider, transactional=stream.rank == 0, now=now) if provider else None
        if provider is not None and isinstance(room, Exhausted):
            candidates.limit(provider, stream, room.seconds, room.why)
    table = candidates.of(stream, snapshot, health.all())
    need = Need(
        from_domain=sender.ascii_domain if sender else None,
        size=question.size,
        tried=question.failed,
        trial=stream.trial(str(recipient), now),
    )
    decision = plan(table, need, now=now)
    names = {item.provider_id: item.name for item in table}
    if not isinstance(decision, Use):
        return Answer(explain(decision, names), None)
    chosen = snapshot.providers[decision.provider_id]
    standing = checked.get((chosen.id, _seen_domain(chosen, sender)))
    notes = [*_from_notes(chosen, sender), *_alignment(standing, chosen, sender)]
    notes.append(f"recipient's mailbox provider, as statistics name it: {mailbox_provider(recipient.domain)}")
    order = [chosen.id]
    while True:
        following = plan(table, Need(need.from_domain, need.size, question.failed | frozenset(order)), now=now)
        if not isinstance(following, Use):
            break
        order.append(following.provider_id)
    unreal = {
        names[item]: known
        for item in order
        if (known := checked.get((item, _seen_domain(snapshot.providers[item], sender)))) and not known.real_failover
    }
    return Answer(explain(decision, names), chosen, notes, [names[item] for item in order[1:]], unreal)


def _address(text: str, name: str) -> Address:
    try:
        return Address.parse(text.strip())
    except InvalidAddress as error:
        raise Refused(f"{text.strip()!r} is not an address: {error}.", field=name) from error


def _from_notes(provider: Provider, sender: Address | None) -> list[str]:
    own = provider.from_email
    if sender is None:
        return [f"From is left out: it goes out as {own}"]
    if provider.from_policy == "rewrite" and sender.ascii_domain != own.rpartition("@")[2].lower():
        return [f"From becomes {own}, with Reply-To {sender}, because this provider rewrites foreign senders"]
    return []


def _seen_domain(provider: Provider, sender: Address | None) -> str:
    """The From domain that receivers would see; ASCII."""
    if sender is None or provider.from_policy == "rewrite":
        return Address.parse(provider.from_email).ascii_domain
    return sender.ascii_domain


def _alignment(standing: Standing | None, provider: Provider, sender: Address | None) -> list[str]:
    """What the newest stored check of the From domain says about this provider."""
    domain = _seen_domain(provider, sender)
    if standing is None:
        return [f"{domain} has not been checked yet through {provider.name}: look at it under Domains"]
    sentence = standing.sentence
    return [f"{domain} sent through {provider.name}: {sentence}"] if standing.real_failover else []
