"""`/webhooks`: adding an endpoint, its secret shown once, tests, replays and the record of deliveries."""

from datetime import UTC, datetime

from sqlalchemy import select

from senddock.dispatch import webhooks
from senddock.models import Database, WebhookDelivery, WebhookEndpoint
from senddock.secrets.vault import Vault
from tests.web.conftest import Panel, without_tokens

URL = "https://app.example.com/hooks"


def _add(sqlite: Database, vault: Vault) -> int:
    return webhooks.add(sqlite, vault, URL, now=datetime.now(UTC))[0].id


def test_the_secret_is_shown_once_and_stored_sealed(panel: Panel, sqlite: Database) -> None:
    page = panel.post("/webhooks", {"url": URL, "events": ["email.sent"]}, form="/webhooks").text
    secret = page.split("whsec_", 1)[1].split("<", 1)[0]
    assert secret not in panel.get("/webhooks").text + panel.get("/webhooks/1").text
    with sqlite.read() as session:
        row = session.scalars(select(WebhookEndpoint)).one()
    assert (row.url, row.events) == (URL, ["email.sent"])
    assert secret not in row.secret_sealed


def test_a_private_address_is_refused_with_the_way_out(panel: Panel) -> None:
    answer = panel.post("/webhooks", {"url": "https://10.0.0.1/"}, form="/webhooks")
    assert answer.status_code == 422
    assert "allow it for this endpoint" in answer.text
    assert (
        "shown only now"
        in panel.post("/webhooks", {"url": "http://10.0.0.1/", "private_network": "y"}, form="/webhooks").text
    )


def test_a_test_is_queued_and_a_delivery_can_be_sent_again(panel: Panel, sqlite: Database, vault: Vault) -> None:
    endpoint_id = _add(sqlite, vault)
    fragment = panel.post(f"/webhooks/{endpoint_id}/test", fragment=True, form="/webhooks").text
    assert "webhook.test" in fragment
    page = panel.get(f"/webhooks/{endpoint_id}")
    assert without_tokens(panel.get(f"/webhooks/{endpoint_id}", fragment=True).text) in without_tokens(page.text)
    with sqlite.write() as session:
        row = session.get(WebhookDelivery, 1)
        assert row is not None
        row.state, row.next_at, row.tries = "failed", None, 8
        row.log = [
            {"at": "2026-11-25T10:00:00+00:00", "status": None, "error": "<timeout>", "text": "", "seconds": 15.0}
        ]
    assert "&lt;timeout&gt;" in panel.get(f"/webhooks/{endpoint_id}").text
    assert panel.post("/webhooks/deliveries/1/replay", form="/webhooks").status_code == 303
    with sqlite.read() as session:
        replayed = session.get(WebhookDelivery, 1)
    assert replayed is not None
    assert (replayed.state, replayed.tries) == ("pending", 0)


def test_an_endpoint_is_disabled_changed_rotated_and_removed(panel: Panel, sqlite: Database, vault: Vault) -> None:
    endpoint_id = _add(sqlite, vault)
    panel.post(f"/webhooks/{endpoint_id}/disable", form="/webhooks")
    assert "disabled by ana@acme.example" in panel.get("/webhooks").text
    panel.post(f"/webhooks/{endpoint_id}/enable", form="/webhooks")
    panel.post(f"/webhooks/{endpoint_id}", {"url": URL + "2"}, form="/webhooks")
    assert URL + "2" in panel.get("/webhooks").text
    assert "24 hours" in panel.post(f"/webhooks/{endpoint_id}/rotate", form="/webhooks").text
    assert "Remove this endpoint?" in panel.get(f"/webhooks/{endpoint_id}/remove").text
    panel.post(f"/webhooks/{endpoint_id}/remove", form="/webhooks")
    assert "Nobody is told yet" in panel.get("/webhooks").text
    assert panel.get(f"/webhooks/{endpoint_id}").status_code == 404
