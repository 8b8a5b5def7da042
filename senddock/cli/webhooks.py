"""`senddock webhook …`: who is told of events over HTTP."""

import click

from senddock.cli.house import House, as_json, done, pass_house, show, table


@click.group()
def webhook() -> None:
    """Endpoints that are told of events, with signatures of Standard Webhooks."""


@webhook.command("add")
@click.argument("url")
@click.option(
    "--event", "events", multiple=True, help="An event it wants; may be given several times. All when left out."
)
@click.option(
    "--private-network", is_flag=True, help="It stands on my own network: private addresses and http are allowed."
)
@as_json
@pass_house
def webhook_add(house: House, url: str, events: tuple[str, ...], private_network: bool, as_json: bool) -> None:
    """Add an endpoint and print its signing secret once."""
    from senddock.dispatch import webhooks
    from senddock.dispatch.outbox import utcnow

    row, secret = webhooks.add(
        house.database, house.vault, url, events=events, private_network=private_network, now=utcnow()
    )
    if as_json:
        show({**webhooks.describe(row), "secret": secret})
    else:
        click.echo(secret)
        click.echo(
            f"Endpoint {row.id}. The secret is shown only once: your application verifies events with it.", err=True
        )


@webhook.command("list")
@as_json
@pass_house
def webhook_list(house: House, as_json: bool) -> None:
    """Every endpoint, with how many deliveries wait."""
    from senddock.dispatch import webhooks

    with house.database.read() as session:
        rows, waiting = webhooks.all_endpoints(session), webhooks.waiting(session)
    listed = [{**webhooks.describe(row), "waiting": waiting.get(row.id, 0)} for row in rows]
    if as_json:
        show(listed)
        return
    lines = [
        [
            entry["id"],
            entry["url"],
            "enabled" if entry["enabled"] else f"disabled: {entry['disabled_why']}",
            ", ".join(entry["events"]) or "all",
            entry["waiting"],
        ]
        for entry in listed
    ]
    table(["ID", "URL", "STATE", "EVENTS", "WAITING"], lines, "Nobody is told yet.")


@webhook.command("remove")
@click.argument("endpoint_id", type=int)
@as_json
@pass_house
def webhook_remove(house: House, endpoint_id: int, as_json: bool) -> None:
    """Take an endpoint away, with the record of its deliveries."""
    from senddock.dispatch import webhooks
    from senddock.dispatch.outbox import utcnow

    webhooks.remove(house.database, endpoint_id, utcnow())
    done({"id": endpoint_id, "removed": True}, "Removed.", as_json)


@webhook.command("test")
@click.argument("endpoint_id", type=int)
@as_json
@pass_house
def webhook_test(house: House, endpoint_id: int, as_json: bool) -> None:
    """Send a test event now and say what came back."""
    from senddock.dispatch import webhook_delivery, webhooks
    from senddock.dispatch.outbox import utcnow
    from senddock.models import WebhookDelivery

    delivery_id = webhooks.send_test(house.database, endpoint_id, utcnow())
    webhook_delivery.Deliverer(house.database, house.vault)()
    with house.database.read() as session:
        row = session.get(WebhookDelivery, delivery_id)
    assert row is not None
    if as_json:
        show(webhooks.describe_delivery(row))
    elif row.log:
        click.echo(f"{row.state}: {row.log[-1]['status'] or row.log[-1]['error']} in {row.log[-1]['seconds']} s")
    if row.state != "delivered":
        raise click.exceptions.Exit(1)


@webhook.command("deliveries")
@click.argument("endpoint_id", type=int)
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@as_json
@pass_house
def webhook_deliveries(house: House, endpoint_id: int, limit: int, as_json: bool) -> None:
    """The newest deliveries of an endpoint."""
    from senddock.dispatch import webhooks

    with house.database.read() as session:
        webhooks.get(session, endpoint_id)
        rows, _ = webhooks.deliveries(session, endpoint_id, limit=limit)
    if as_json:
        show([webhooks.describe_delivery(row) for row in rows])
        return
    lines = [
        [row.id, row.created_at.strftime("%Y-%m-%d %H:%M:%S"), row.event_type, row.state, row.tries, _last(row.log)]
        for row in rows
    ]
    table(["ID", "MADE (UTC)", "EVENT", "STATE", "TRIES", "LAST ANSWER"], lines, "Nothing was told yet.")


@webhook.command("replay")
@click.argument("delivery_id", type=int)
@as_json
@pass_house
def webhook_replay(house: House, delivery_id: int, as_json: bool) -> None:
    """Send a delivery again, with the same id."""
    from senddock.dispatch import webhooks
    from senddock.dispatch.outbox import utcnow

    webhooks.replay(house.database, delivery_id, utcnow())
    done({"id": delivery_id, "state": "pending"}, "Queued again.", as_json)


@webhook.command("rotate")
@click.argument("endpoint_id", type=int)
@as_json
@pass_house
def webhook_rotate(house: House, endpoint_id: int, as_json: bool) -> None:
    """Replace the signing secret; the old one signs beside it for 24 hours."""
    from senddock.dispatch import webhooks
    from senddock.dispatch.outbox import utcnow

    secret = webhooks.rotate(house.database, house.vault, endpoint_id, utcnow())
    if as_json:
        show({"id": endpoint_id, "secret": secret})
    else:
        click.echo(secret)


def _last(log: list[dict[str, object]]) -> str:
    return str(log[-1]["status"] or log[-1]["error"]) if log else ""
