"""An experiment on a stream: recipients stay in their arm, each counts once, and mail goes on whatever happens to an arm."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from senddock.dispatch import experiments, providers
from senddock.dispatch.refusals import RefusedFields
from senddock.dispatch.roster import view_of
from tests.conftest import Bench
from tests.smtp_server import ScriptedSMTP, reply

Servers = Callable[..., ScriptedSMTP]
SOON = timedelta(days=7)


def begin(bench: Bench, one: int, other: int, shares: tuple[float, float] = (50, 50)) -> int:
    made = experiments.start(
        bench.database, 1, "SES or Resend", [(one, shares[0]), (other, shares[1])], ends_at=datetime.now(UTC) + SOON
    )
    return made.id


def shown(bench: Bench, experiment_id: int) -> dict[str, dict[str, int]]:
    with bench.database.read() as session:
        found = experiments.report_json(experiments.report(session, experiment_id, datetime.now(UTC)))
    return {arm["provider"]: arm for arm in found["arms"]}


def test_each_recipient_goes_to_its_arm_and_counts_once_however_often_it_is_written_to(
    bench: Bench, smtp_server: Servers
) -> None:
    refusing = {"rcpt": lambda to: reply("550 5.1.1 No such user") if to.startswith("gone") else None}
    servers = [smtp_server(refusing), smtp_server(refusing)]
    one, other = (bench.provider(server.port, name) for server, name in zip(servers, ("SES", "Resend"), strict=True))
    experiment_id = begin(bench, one, other)
    recipients = [f"p{number}@gmail.com" for number in range(30)] + [
        f"gone{number}@example.org" for number in range(10)
    ]
    for _ in range(2):
        for recipient in recipients:
            bench.submit(recipient)
        bench.engine.drain()
    with bench.database.read() as session:
        view = view_of(experiments.all_experiments(session)[0])
        found = experiments.report(session, experiment_id, datetime.now(UTC))
    arms = {recipient: view.arm_of(recipient) for recipient in recipients}
    for server, provider_id in zip(servers, (one, other), strict=True):
        assert {taken.recipients[0] for taken in server.taken} == {
            recipient for recipient, arm in arms.items() if arm == provider_id and recipient.startswith("p")
        }
    counted = shown(bench, experiment_id)
    assert counted["SES"]["recipients"] + counted["Resend"]["recipients"] == 40
    for name, provider_id in (("SES", one), ("Resend", other)):
        mine = [recipient for recipient, arm in arms.items() if arm == provider_id]
        assert counted[name]["recipients"] == len(mine)
        assert counted[name]["hard_bounce"] == sum(recipient.startswith("gone") for recipient in mine)
    assert set(found.by_mailbox) == {"Google", "other"}
    assert found.judgement.state == "too_few"
    assert found.lines[0].p95 is not None
    with bench.database.write() as session:
        for _ in range(2):
            experiments.note_evidence(session, "P3@gmail.com", "complained", stream_id=1)
    assert sum(arm["complained"] for arm in shown(bench, experiment_id).values()) == 1


def test_the_message_says_that_an_experiment_chose(bench: Bench, smtp_server: Servers) -> None:
    one, other = bench.provider(smtp_server().port, "SES"), bench.provider(smtp_server().port, "Resend", 2)
    begin(bench, one, other)
    attempt = bench.story(_sent(bench, "a@example.org"))["attempts"][0]
    assert attempt["plan"]["why"] == "experiment “SES or Resend”: the recipient's arm"
    assert "gave the recipient to another provider" in attempt["plan"]["left_out"][0]["why"]


def test_while_one_arm_is_out_mail_goes_on_by_the_routes_and_nobody_is_counted(
    bench: Bench, smtp_server: Servers
) -> None:
    good = smtp_server()
    one, other = bench.provider(smtp_server().port, "SES"), bench.provider(good.port, "Resend", 2)
    experiment_id = begin(bench, one, other)
    providers.set_enabled(bench.database, one, enabled=False)
    for number in range(8):
        assert bench.story(_sent(bench, f"p{number}@example.org"))["state"] == "accepted"
    assert len(good.taken) == 8
    assert sum(arm["recipients"] for arm in shown(bench, experiment_id).values()) == 0


def test_an_arm_that_fails_is_counted_and_the_message_still_arrives_through_the_other(
    bench: Bench, smtp_server: Servers
) -> None:
    bad, good = smtp_server({"data": reply("554 5.7.1 Relaying denied")}), smtp_server()
    one, other = bench.provider(bad.port, "SES"), bench.provider(good.port, "Resend", 2)
    experiment_id = begin(bench, one, other, (99, 1))
    with bench.database.read() as session:
        view = view_of(experiments.all_experiments(session)[0])
    recipient = next(text for text in (f"p{number}@example.org" for number in range(99)) if view.arm_of(text) == one)
    assert bench.story(_sent(bench, recipient))["state"] == "accepted"
    counted = shown(bench, experiment_id)
    assert (counted["SES"]["other"], counted["SES"]["recipients"], counted["Resend"]["recipients"]) == (1, 1, 0)


def test_a_person_ends_it_and_mail_takes_its_usual_way(bench: Bench, smtp_server: Servers) -> None:
    first, second = smtp_server(), smtp_server()
    one, other = bench.provider(first.port, "SES"), bench.provider(second.port, "Resend", 2)
    experiment_id = begin(bench, one, other)
    with pytest.raises(RefusedFields, match="not over yet"):
        begin(bench, one, other)
    experiments.end(bench.database, experiment_id)
    for number in range(6):
        _sent(bench, f"p{number}@example.org")
    assert (len(first.taken), len(second.taken)) == (6, 0)


@pytest.mark.parametrize(
    ("arms", "values", "field"),
    [
        ([(1, 50)], {}, "arms"),
        ([(1, 50), (1, 50)], {}, "arms"),
        ([(1, 80), (2, 80)], {}, "arms"),
        ([(1, 50), (99, 50)], {}, "arms"),
        ([(1, 50), (2, 50)], {"metric": "beauty"}, "metric"),
        ([(1, 50), (2, 50)], {"minimum": 5}, "minimum"),
        ([(1, 50), (2, 50)], {"ends_at": datetime(2020, 1, 1, tzinfo=UTC)}, "ends_at"),
    ],
)
def test_what_cannot_be_compared_is_refused_by_field(
    sqlite_bench: Bench, arms: list[tuple[int, float]], values: dict[str, object], field: str
) -> None:
    sqlite_bench.provider(2525, "one")
    sqlite_bench.provider(2526, "two")
    given = {"ends_at": datetime.now(UTC) + SOON, **values}
    with pytest.raises(RefusedFields) as refused:
        experiments.start(sqlite_bench.database, 1, "x", arms, **given)  # type: ignore[arg-type]
    assert set(refused.value.errors) == {field}


def _sent(bench: Bench, recipient: str) -> str:
    message_id = bench.submit(recipient)
    bench.engine.drain()
    return message_id
