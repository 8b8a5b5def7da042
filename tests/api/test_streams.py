"""Streams and their routes over HTTP: for the key's own project, in the API's style."""

from senddock.dispatch import keys, providers, streams
from senddock.models import Database
from senddock.secrets.vault import Vault
from tests.api.conftest import Api


def add(database: Database, vault: Vault, name: str, priority: int) -> int:
    values = {"name": name, "host": "smtp.example.com", "port": 587, "encryption": "starttls"}
    return providers.add(database, vault, {**values, "from_email": "us@example.com", "priority": priority}, None).id


def test_routes_are_read_replaced_and_given_up(api: Api, database: Database, vault: Vault) -> None:
    one, two = add(database, vault, "SES", 1), add(database, vault, "Resend", 2)
    status, found = api.call("GET", "/streams/transactional/routes")
    assert (status, found["own"], found["preview"]) == (200, False, "1 SES, then 2 Resend")
    wanted = [{"provider_id": one, "priority": 1, "weight": 70}, {"provider_id": two, "priority": 1, "weight": 30}]
    status, found = api.call("PUT", "/streams/transactional/routes", json={"routes": wanted})
    assert (status, found["own"], found["preview"]) == (200, True, "1 SES 70 % · Resend 30 %")
    for routes, words in (
        ([{"provider_id": 99, "priority": 1}], "There is no provider 99"),
        ([{"provider_id": one, "priority": 0}], "from 1 to 1000"),
        ([{"provider_id": one, "priority": 1}] * 2, "stands in the order twice"),
        ([{"provider_id": True, "priority": 1}], "whole numbers"),
        ("all", "must be a list"),
    ):
        status, refused = api.call("PUT", "/streams/transactional/routes", json={"routes": routes})
        assert (status in (404, 422), words in refused["message"]) == (True, True), refused
    assert api.call("GET", "/streams/transactional/routes")[1]["preview"] == "1 SES 70 % · Resend 30 %"
    assert api.call("PUT", "/streams/transactional/routes", json={"routes": []})[1]["own"] is False


def test_streams_are_made_by_name_and_listed(api: Api) -> None:
    status, made = api.call("PUT", "/streams/receipts", json={"kind": "transactional"})
    assert (status, made["object"], made["name"], made["kind"]) == (200, "stream", "receipts", "transactional")
    assert api.call("PUT", "/streams/receipts", json={"kind": "marketing"})[1]["id"] == made["id"]
    assert [row["name"] for row in api.call("GET", "/streams")[1]["data"]] == [
        "transactional", "marketing", "receipts",
    ]  # fmt: skip
    assert api.call("PUT", "/streams/x", json={"kind": "urgent"})[0] == 422
    assert api.call("PUT", "/streams/x%0A", json={"kind": "marketing"})[0] == 422
    assert api.call("PUT", "/streams/x", json=[])[0] == 422
    assert api.call("PUT", "/streams/x", data=b"{")[0] == 400
    assert api.call("PUT", "/streams/%20spaced", json={"kind": "marketing"})[0] == 422


def test_another_projects_streams_and_a_sending_key_stay_out(api: Api, database: Database) -> None:
    streams.add_project(database, "shop")
    streams.add_stream(database, "theirs", "marketing", "shop")
    assert api.call("GET", "/streams/theirs/routes")[0] == 404
    sending = Api(api._client, keys.create(database, "app", scope="sending")[1])
    status, refused = sending.call("GET", "/streams")
    assert (status, refused["name"]) == (401, "restricted_api_key")
    tied = Api(api._client, keys.create(database, "tied", streams=["marketing"])[1])
    assert [row["name"] for row in tied.call("GET", "/streams")[1]["data"]] == ["marketing"]
    assert tied.call("GET", "/streams/transactional/routes")[0] == 403
