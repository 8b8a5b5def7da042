"""Webhooks with real processes: an application hears of its mail, and an endpoint that hangs costs nobody anything."""

import json
import threading
from collections.abc import Callable, Iterator

import pytest
import standardwebhooks

from tests.e2e.house import Installation, installation, until
from tests.smtp_server import ScriptedSMTP
from tests.webhook_endpoint import Endpoint


@pytest.fixture
def house() -> Iterator[Installation]:
    with installation() as made:
        made.start()
        yield made


@pytest.fixture
def hanging() -> Iterator[Endpoint]:
    made = Endpoint()
    made.gate = threading.Event()
    yield made
    made.close()


@pytest.fixture
def healthy() -> Iterator[Endpoint]:
    made = Endpoint()
    yield made
    made.close()


def test_events_arrive_signed_while_another_endpoint_hangs(
    house: Installation, smtp_server: Callable[..., ScriptedSMTP], hanging: Endpoint, healthy: Endpoint
) -> None:
    server = smtp_server()
    house.provider("only", server.port, 1)
    token = house.json("key", "create", "--name", "shop")["token"]
    house.json("webhook", "add", hanging.url, "--private-network")
    added = house.json("webhook", "add", healthy.url, "--private-network")

    def send(count: int) -> set[str]:
        mails = [{"to": f"p{number}@example.org", "subject": "x", "text": "y"} for number in range(count)]
        code, answer = house.post("/api/emails/batch", mails, token)
        assert code == 200, answer
        return {item["id"] for item in answer["data"]}

    ids = send(1)
    assert hanging.entered.wait(60), house.log.read_text()
    # From here on one endpoint holds its request open: mail goes out all the same, and the other hears of everything.
    ids |= send(40)
    server.wait_for(41)
    until(lambda: len(healthy.received) >= 41, 120, house.log.read_text)
    assert hanging.gate is not None
    assert not hanging.gate.is_set()
    verifier = standardwebhooks.Webhook(added["secret"])
    told = [json.loads(verifier.verify(body, signed) and body) for signed, body in healthy.received]
    assert {item["type"] for item in told} == {"email.sent"}
    assert {item["data"]["email_id"] for item in told} == ids
    states = {item["state"] for item in house.json("webhook", "deliveries", str(added["id"]), "--limit", "100")}
    assert states <= {"delivered", "pending"}
