"""What a key may do, the same at every door: from where, until when, through which streams, in whose name."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from senddock.dispatch import keys, streams
from senddock.dispatch.caller import Caller, KeyRefused, NotAllowed
from senddock.dispatch.channels import Channel, Channels
from senddock.dispatch.mailing import Mail, submission_of
from senddock.dispatch.raw_mail import raw_submission
from senddock.dispatch.refusals import Refused
from senddock.models import Database

NOW = datetime(2026, 11, 1, tzinfo=UTC)


def caller(**values: Any) -> Caller:
    given: dict[str, Any] = {
        "key_id": 1,
        "name": "shop",
        "project_id": 1,
        "stream_ids": (),
        "scope": "full",
        "from_domains": frozenset(),
        "networks": (),
        "per_second": None,
        "expires_at": None,
        **values,
    }
    return Caller(**given)


def sent(from_: str | None) -> Any:
    return submission_of(Mail(to=["a@example.org"], from_=from_, subject="x", text="y"), Channel(1, 1, "api"), NOW)


@pytest.mark.parametrize(
    ("networks", "address", "admitted"),
    [
        ((), None, True),
        (("10.0.0.0/8",), "10.1.2.3", True),
        (("10.0.0.0/8",), "::ffff:10.1.2.3", True),
        (("10.0.0.0/8",), "11.0.0.1", False),
        (("10.0.0.0/8", "2001:db8::/32"), "2001:db8::1", True),
        (("fe80::/10",), "fe80::1%eth0", True),
        (("10.0.0.1/8",), "10.9.9.9", True),
        (("10.0.0.0/8",), None, False),
        (("10.0.0.0/8",), "unix", False),
    ],
)
def test_a_key_with_networks_opens_from_there_only(
    networks: tuple[str, ...], address: str | None, admitted: bool
) -> None:
    who = caller(networks=networks)
    if admitted:
        who.check_door(address, NOW)
    else:
        with pytest.raises(KeyRefused, match="may not be used from"):
            who.check_door(address, NOW)


def test_a_key_ends_at_its_time_and_says_so() -> None:
    who = caller(expires_at=NOW)
    who.check_door("127.0.0.1", NOW - timedelta(seconds=1))
    with pytest.raises(KeyRefused, match="expired on 2026-11-01"):
        who.check_door("127.0.0.1", NOW)


@pytest.mark.parametrize(
    ("domains", "from_", "allowed"),
    [
        ((), "a@other.net", True),
        ((), None, True),
        (("example.com",), "Us <a@Example.COM>", True),
        (("example.com",), "a@mail.example.com", False),
        (("*.example.com",), "a@deep.mail.example.com", True),
        (("*.example.com",), "a@example.com", False),
        (("*.example.com",), "a@badexample.com", False),
        (("xn--mller-kva.de",), "a@müller.de", True),
        (("example.com",), None, False),
    ],
)
def test_a_key_with_from_domains_sends_from_them_only(
    domains: tuple[str, ...], from_: str | None, allowed: bool
) -> None:
    who = caller(from_domains=frozenset(domains))
    if allowed:
        who.check_sender(sent(from_))
    else:
        with pytest.raises(NotAllowed) as refused:
            who.check_sender(sent(from_))
        assert refused.value.field == "from"


@pytest.mark.parametrize(
    ("header", "envelope", "allowed"),
    [
        ("a@example.com", "bounce@example.com", True),
        ("a@example.com", None, True),
        ("a@example.com", "bounce@other.net", False),
        ("a@other.net", "bounce@example.com", False),
        ("a@example.com, b@other.net", "a@example.com", False),
        ('"b@example.com" <a@other.net>', "a@example.com", False),
    ],
)
def test_a_raw_message_is_judged_by_every_from_address_and_by_its_envelope(
    header: str, envelope: str | None, allowed: bool
) -> None:
    data = f"From: {header}\r\nSubject: x\r\n\r\nHello\r\n".encode()
    submission = raw_submission(data, envelope, ["a@example.org"], Channel(1, 1, "smtp"), NOW)
    who = caller(from_domains=frozenset({"example.com"}))
    if allowed:
        who.check_sender(submission)
    else:
        with pytest.raises(NotAllowed):
            who.check_sender(submission)


def test_a_sending_key_does_not_read() -> None:
    caller().check_reading()
    with pytest.raises(NotAllowed):
        caller(scope="sending").check_reading()


def test_a_key_tied_to_streams_means_its_first_and_no_others(database: Database) -> None:
    streams.add_stream(database, "news", "marketing", None)
    _, token = keys.create(database, "shop", streams=["news", "marketing"])
    who = keys.Keyring(database).admit(token, "127.0.0.1")
    channels = Channels(database, "api")
    news = channels.of(who, None)
    assert channels.of(who, "news") == news
    assert channels.of(who, "marketing").stream_id != news.stream_id
    with pytest.raises(NotAllowed, match="may not use the stream 'transactional'"):
        channels.of(who, "transactional")
    with pytest.raises(Refused, match="There is no stream 'nothing'"):
        channels.of(who, "nothing")


@pytest.mark.parametrize(
    "values",
    [
        {"from_domains": ["not a domain"]},
        {"networks": ["10.0.0.0/99"]},
        {"expires_at": datetime(2020, 1, 1, tzinfo=UTC)},
        {"per_second": 0},
        {"streams": ["nothing"]},
        {"scope": "everything"},
    ],
)
def test_a_key_that_could_not_work_is_not_made(sqlite: Database, values: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        keys.create(sqlite, "shop", **values)
    assert keys.all_keys(sqlite) == []


def test_a_revoked_key_is_refused(sqlite: Database) -> None:
    key, token = keys.create(sqlite, "shop")
    assert keys.Keyring(sqlite).admit(token, None).name == "shop"
    keys.revoke(sqlite, key.id)
    with pytest.raises(KeyRefused):
        keys.Keyring(sqlite).admit(token, None)
