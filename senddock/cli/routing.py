"""Commands about the way mail takes: routes, the simulator, experiments, statistics."""

from datetime import UTC, datetime, timedelta
from typing import Any

import click

from senddock.cli.house import House, as_json, done, pass_house, show, table


@click.group()
def route() -> None:
    """Which providers a stream uses, in which order and with which shares."""


@route.command("list")
@click.option("--stream")
@click.option("--project", help="Name of the stream's project.")
@as_json
@pass_house
def route_list(house: House, stream: str | None, project: str | None, as_json: bool) -> None:
    """Show routes; a stream without any uses every provider by the provider's priority."""
    from senddock.dispatch import routes

    rows = routes.all_routes(house.database, stream, project)
    show(rows) if as_json else table(
        ["STREAM", "PROVIDER", "PRIORITY", "WEIGHT"],
        [[row["stream"], row["provider"], row["priority"], row["weight"]] for row in rows],
        "No routes: every stream uses all enabled providers by their priority.",
    )


@route.command("set")
@click.option("--stream", required=True)
@click.option("--project", help="Name of the stream's project; the first that has the stream otherwise.")
@click.argument("routes", nargs=-1)
@as_json
@pass_house
def route_set(house: House, stream: str, project: str | None, routes: tuple[str, ...], as_json: bool) -> None:
    """Replace a stream's routes. Each is PROVIDER_ID:PRIORITY[:WEIGHT]; none returns to the standard."""
    from senddock.dispatch import routes as use

    use.set_routes_by_name(house.database, stream, [use.parse_route(text) for text in routes], project)
    sentence = f"Stream {stream} has {len(routes)} routes." if routes else f"Stream {stream} uses all providers."
    done({"stream": stream, "routes": len(routes)}, sentence, as_json)


@route.command("simulate")
@click.option("--to", "to", required=True)
@click.option("--from", "sender", default="", help="Left out, the chosen provider's From is used.")
@click.option("--stream", default="transactional", show_default=True)
@click.option("--project")
@click.option("--size", type=click.IntRange(1), default=10_000, show_default=True, help="Octets.")
@as_json
@pass_house
def route_simulate(
    house: House, to: str, sender: str, stream: str, project: str | None, size: int, as_json: bool
) -> None:
    """Say which provider would carry a message now, why, and why the others would not."""
    from senddock.dispatch.simulation import Question, simulate
    from senddock.dispatch.streams import find_stream
    from senddock.redis_server import NoRedisServer

    try:
        redis = house.redis
    except NoRedisServer:
        redis = None
    with house.database.read() as session:
        stream_id = find_stream(session, stream, project).id
    answer = simulate(house.database, redis, Question(stream_id, to, sender, size), datetime.now(UTC))
    if as_json:
        unreal = {name: {"domain": item.domain, "verdict": item.sentence} for name, item in answer.unreal.items()}
        show({**answer.plan, "notes": answer.notes, "then": answer.then, "not_real_failovers": unreal})
        return
    _print_plan(answer.plan)
    for note in answer.notes:
        click.echo(f"  note: {note}")
    for name, item in answer.unreal.items():
        click.echo(f"  ! {name}: {item.sentence} See `senddock domain check {item.domain}`.")
    if answer.then:
        click.echo(f"  if it fails: {', then '.join(answer.then)}, then it waits")


@route.command("explain")
@click.argument("message_id")
@as_json
@pass_house
def route_explain(house: House, message_id: str, as_json: bool) -> None:
    """Say why each attempt of a message went to its provider, as decided then."""
    from senddock.dispatch import journal
    from senddock.dispatch.refusals import Refused

    with house.database.read() as session:
        found = journal.story(session, message_id)
        if found is None:
            raise Refused("There is no message with this id.", code="not_found")
        plans = [{"attempt": attempt.number, **attempt.plan} for attempt in found.attempts]
        waits = found.message.reason
    if as_json:
        show({"id": message_id, "attempts": plans, "waits": waits})
        return
    for plan in plans:
        click.echo(f"attempt {plan['attempt']}")
        _print_plan(plan)
    if waits:
        click.echo(f"waits: {waits}")


def _print_plan(plan: dict[str, Any]) -> None:
    if plan.get("chosen"):
        click.echo(f"{plan['chosen']}: {plan.get('why', '')}".rstrip(": "))
    else:
        until = f" until {plan['until']}" if plan.get("until") else ""
        click.echo(f"It would wait{until}: {plan.get('why')}")
    for item in plan["left_out"]:
        until = f" (until {item['until']})" if item.get("until") else ""
        click.echo(f"  not {item['provider']}: {item['why']}{until}")


@click.group()
def experiment() -> None:
    """A/B tests between providers."""


@experiment.command("start")
@click.option("--stream", default="transactional", show_default=True)
@click.option("--project")
@click.option("--name", required=True)
@click.option("--days", type=click.IntRange(1, 180), default=14, show_default=True)
@click.option("--metric", default="not_accepted", show_default=True)
@click.option("--minimum", type=int, default=500, show_default=True, help="Recipients each arm needs.")
@click.argument("arms", nargs=-1, required=True)
@as_json
@pass_house
def experiment_start(
    house: House,
    stream: str,
    project: str | None,
    name: str,
    days: int,
    metric: str,
    minimum: int,
    arms: tuple[str, ...],
    as_json: bool,
) -> None:
    """Compare providers. Each ARM is PROVIDER_ID:PER_CENT of the stream's recipients."""
    from senddock.dispatch import experiments
    from senddock.dispatch.streams import find_stream

    with house.database.read() as session:
        stream_id = find_stream(session, stream, project).id
    ends_at = datetime.now(UTC) + timedelta(days=days)
    made = experiments.start(
        house.database, stream_id, name, [_arm(text) for text in arms], ends_at=ends_at, metric=metric, minimum=minimum
    )
    show({"id": made.id, "name": made.name}) if as_json else click.echo(f"Experiment {made.id} runs.")


@experiment.command("list")
@as_json
@pass_house
def experiment_list(house: House, as_json: bool) -> None:
    """Show all with their verdict so far."""
    from senddock.dispatch import experiments

    now = datetime.now(UTC)
    with house.database.read() as session:
        rows = [
            experiments.report_json(experiments.report(session, row.id, now))
            for row in experiments.all_experiments(session)
        ]
    show(rows) if as_json else table(
        ["ID", "NAME", "STREAM", "PHASE", "VERDICT"],
        [[row["id"], row["name"], row["stream"], row["phase"], row["verdict"]] for row in rows],
        "No experiment.",
    )


@experiment.command("show")
@click.argument("experiment_id", type=int)
@as_json
@pass_house
def experiment_show(house: House, experiment_id: int, as_json: bool) -> None:
    """Show what one has counted."""
    from senddock.dispatch import experiments

    with house.database.read() as session:
        found = experiments.report_json(experiments.report(session, experiment_id, datetime.now(UTC)))
    if as_json:
        show(found)
        return
    click.echo(f"{found['name']} ({found['phase']}): {found['verdict']}")
    names = ["recipients", "accepted", "soft_bounce", "hard_bounce", "other", "bounced", "complained"]
    table(
        ["PROVIDER", *(name.upper() for name in names)],
        [[arm["provider"], *(arm[name] for name in names)] for arm in found["arms"]],
        "No arm.",
    )


@experiment.command("end")
@click.argument("experiment_id", type=int)
@as_json
@pass_house
def experiment_end(house: House, experiment_id: int, as_json: bool) -> None:
    """End one now; what it counted stays."""
    from senddock.dispatch import experiments

    experiments.end(house.database, experiment_id)
    done({"id": experiment_id, "ended": True}, "Ended.", as_json)


def _arm(text: str) -> tuple[int, float]:
    provider, _, share = text.partition(":")
    try:
        return int(provider), float(share)
    except ValueError as error:
        raise click.UsageError(f"{text!r} is not PROVIDER_ID:PER_CENT, such as 1:50") from error
