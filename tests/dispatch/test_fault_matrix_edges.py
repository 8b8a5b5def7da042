"""The ends of the matrix of faults: the name, TLS, the final dot, its reply, and QUIT; at the first and the last provider."""

import ssl
from collections.abc import Callable

import pytest

from tests.conftest import Bench
from tests.dispatch.test_fault_matrix import WAYS, time_outs
from tests.dns_server import DnsServer
from tests.ports import reserved_port
from tests.smtp_server import Fault, ScriptedSMTP, closed_port, garbage, reply

Servers = Callable[..., ScriptedSMTP]
SIX = ("4xx", "5xx", "stall", "reset", "close", "garbage")
FIRST_AND_LAST = pytest.mark.parametrize("last", [False, True], ids=["first", "last"])


def first_attempt(bench: Bench, smtp_server: Servers, *, last: bool, port: int, **values: object) -> dict[str, object]:
    """Send one message with the bad provider first, a good one behind it; or with the bad one behind a dead one."""
    good = smtp_server()
    bench.provider(closed_port() if last else port, "dead" if last else "bad", 1, **({} if last else values))
    bench.provider(port if last else good.port, "bad" if last else "good", 2, **(values if last else {}))
    message_id = bench.submit()
    bench.engine.drain()
    story = bench.story(message_id)
    if last:
        assert story["state"] == "deferred", story
        assert story["next_attempt_at"]
    else:
        assert story["state"] == "accepted", story
        assert len(good.wait_for(1)) == 1
    attempt = next(item for item in story["attempts"] if item["provider"] == "bad")
    assert attempt["fail_over"] is not last
    return dict(attempt)


#: What a fault before or in the handshake means. A link that breaks says nothing about TLS; words in the handshake's
#: place do; an answer to STARTTLS means what its words say, at this stage as at any other.
_BROKEN_LINK = dict.fromkeys(("stall", "reset", "close"), "connection")
_STARTTLS = {"4xx": "server_transient", "5xx": "relay_denied", "no TLS now": "tls", "garbage": "connection"}
_HANDSHAKE = dict.fromkeys(("4xx", "5xx", "garbage"), "tls")


@FIRST_AND_LAST
@pytest.mark.parametrize(
    ("stage", "way"), [*(("starttls", way) for way in (*SIX, "no TLS now")), *(("tls", way) for way in SIX)]
)
def test_without_tls_nothing_is_sent(
    sqlite_bench: Bench, smtp_server: Servers, server_tls: ssl.SSLContext, stage: str, way: str, last: bool
) -> None:
    if stage == "tls" and way in ("4xx", "5xx"):
        # A handshake has no codes; words in its place are refused all the same.
        fault: Fault = garbage(WAYS[way].data)
    else:
        fault = reply("454 4.7.0 TLS not available") if way == "no TLS now" else WAYS[way]
    bad = smtp_server({stage: fault}, tls="starttls", context=server_tls)
    attempt = first_attempt(
        sqlite_bench, smtp_server, last=last, port=bad.port, encryption="starttls", timeouts=time_outs(stage, way)
    )
    assert attempt["stage"] == "tls", attempt
    assert attempt["class"] == {**_BROKEN_LINK, **(_STARTTLS if stage == "starttls" else _HANDSHAKE)}[way], attempt
    assert bad.taken == []
    assert not any(line.startswith(("MAIL", "AUTH")) for line in bad.commands), "nothing goes in the clear"


@FIRST_AND_LAST
def test_a_certificate_that_is_not_trusted_is_a_fault_of_tls(
    sqlite_bench: Bench, smtp_server: Servers, server_tls: ssl.SSLContext, last: bool
) -> None:
    bad = smtp_server(tls="ssl", context=server_tls)
    attempt = first_attempt(sqlite_bench, smtp_server, last=last, port=bad.port, encryption="ssl")
    assert (attempt["stage"], attempt["class"]) == ("tls", "tls")


@FIRST_AND_LAST
@pytest.mark.parametrize("way", ["4xx", "5xx"])
def test_a_refusal_of_the_final_dot_fails_over(sqlite_bench: Bench, smtp_server: Servers, way: str, last: bool) -> None:
    bad = smtp_server({"final_dot": WAYS[way]})
    attempt = first_attempt(sqlite_bench, smtp_server, last=last, port=bad.port)
    cls = {"4xx": "server_transient", "5xx": "relay_denied"}[way]
    assert (attempt["stage"], attempt["class"]) == ("final_dot", cls)


@FIRST_AND_LAST
@pytest.mark.parametrize("way", ["stall", "reset", "close", "garbage"])
@pytest.mark.parametrize("stage", ["final_dot", "reply"])
def test_a_dead_link_after_the_dot_is_uncertain_and_goes_nowhere_else(
    sqlite_bench: Bench, smtp_server: Servers, stage: str, way: str, last: bool
) -> None:
    bad, good = smtp_server({stage: WAYS[way]}), smtp_server()
    short = time_outs(stage, way)
    sqlite_bench.provider(closed_port() if last else bad.port, "one", 1, timeouts={} if last else short)
    sqlite_bench.provider(bad.port if last else good.port, "two", 2, timeouts=short if last else {})
    message_id = sqlite_bench.submit()
    sqlite_bench.engine.drain()
    story = sqlite_bench.story(message_id)
    attempt = story["attempts"][-1]
    assert (attempt["stage"], attempt["class"], attempt["fail_over"]) == ("reply", "uncertain", False)
    assert story["state"] == "deferred", "transactional mail is tried once more, at the same provider"
    assert good.taken == []
    assert len(bad.taken) == (1 if stage == "reply" else 0)


@FIRST_AND_LAST
@pytest.mark.parametrize("way", SIX)
def test_what_happens_at_quit_changes_nothing(sqlite_bench: Bench, smtp_server: Servers, way: str, last: bool) -> None:
    server = smtp_server({"quit": WAYS[way]})
    if last:
        sqlite_bench.provider(closed_port(), "dead", 1)
    sqlite_bench.provider(server.port, "bad", 2, messages_per_connection=1)
    ids = [sqlite_bench.submit() for _ in range(2)]
    sqlite_bench.engine.drain()
    stories = [sqlite_bench.story(message_id) for message_id in ids]
    assert [story["state"] for story in stories] == ["accepted"] * 2
    assert [story["attempts"][-1]["class"] for story in stories] == ["accepted"] * 2
    assert len(server.taken) == 2


@FIRST_AND_LAST
@pytest.mark.parametrize("way", ["SERVFAIL", "REFUSED", "NXDOMAIN", "no address", "stall", "nobody listens", "garbage"])
def test_a_name_that_cannot_be_resolved_fails_over(
    sqlite_bench: Bench, smtp_server: Servers, way: str, last: bool
) -> None:
    zone = {"SERVFAIL": "SERVFAIL", "REFUSED": "REFUSED", "stall": "SILENT", "no address": ["TXT nothing"]}
    server = DnsServer({"smtp.provider.test": zone[way]} if way in zone else {})
    if way == "garbage":
        server.answer = lambda *_: b"\x00garbage"  # type: ignore[method-assign]
    sqlite_bench.dns_servers = server.servers
    if way == "nobody listens":
        sqlite_bench.dns_servers = (f"127.0.0.1:{reserved_port()}",)
    try:
        attempt = first_attempt(
            sqlite_bench,
            smtp_server,
            last=last,
            port=25,
            host="smtp.provider.test",
            encryption="starttls",
            timeouts={"connect": 1} if way in ("stall", "nobody listens", "garbage") else {},
        )
    finally:
        server.close()
    assert (attempt["stage"], attempt["class"]) == ("dns", "connection"), attempt
