"""Sender rules in the engine: who is left out and why, and a From that is exchanged in the open."""

import re
from email import message_from_bytes
from email.policy import SMTP
from typing import Any

from senddock.dispatch.sender_advice import SenderAdvice
from senddock.domain.catalogue.guide_book import guide_book
from tests.conftest import Bench


def _sent(server: Any) -> Any:
    (received,) = server.taken
    return message_from_bytes(received.data, policy=SMTP)


def test_a_provider_bound_to_its_domains_is_left_out_and_the_log_says_why(
    sqlite_bench: Bench, smtp_server: Any
) -> None:
    first, second = smtp_server(), smtp_server()
    sqlite_bench.provider(first.port, "bound", from_policy="own", extra_domains=["shop.example"])
    sqlite_bench.provider(second.port, "free", priority=2)
    message_id = sqlite_bench.submit(from_="a@other.example")
    sqlite_bench.engine.drain()
    story = sqlite_bench.story(message_id)
    assert [attempt["provider"] for attempt in story["attempts"]] == ["free"]
    left_out = {item["provider"]: item["why"] for item in story["attempts"][0]["plan"]["left_out"]}
    assert left_out == {"bound": "may not send from other.example: its senders are example.com, shop.example"}


def test_a_gmail_address_waits_for_a_provider_that_keeps_it(sqlite_bench: Bench, smtp_server: Any) -> None:
    server = smtp_server()
    sqlite_bench.provider(server.port, "one")
    message_id = sqlite_bench.submit(from_="ana@gmail.com")
    sqlite_bench.engine.drain()
    story = sqlite_bench.story(message_id)
    assert (story["state"], story["attempts"]) == ("deferred", [])
    assert "may not send from gmail.com: only that mailbox service can sign for it" in story["reason"]


def test_rewriting_puts_the_providers_from_and_keeps_the_original_for_replies(
    sqlite_bench: Bench, smtp_server: Any
) -> None:
    server = smtp_server()
    sqlite_bench.provider(server.port, "one", from_policy="rewrite", from_name="Acme Mail")
    message_id = sqlite_bench.submit(from_="Zoë Ö <zoe@other.example>")
    sqlite_bench.engine.drain()
    received = _sent(server)
    assert received["From"] == "Acme Mail <us@example.com>"
    assert received["Reply-To"] == "Zoë Ö <zoe@other.example>"
    assert server.taken[0].mail_from == "us@example.com"
    attempt = sqlite_bench.story(message_id)["attempts"][0]
    assert attempt["plan"]["rewritten"] == {
        "from": "Zoë Ö <zoe@other.example>",
        "to": "Acme Mail <us@example.com>",
    }


def test_rewriting_leaves_a_reply_to_of_the_message_as_it_is(sqlite_bench: Bench, smtp_server: Any) -> None:
    server = smtp_server()
    sqlite_bench.provider(server.port, "one", from_policy="rewrite")
    sqlite_bench.submit(from_="Bo <bo@other.example>", reply_to=["help@other.example"])
    sqlite_bench.engine.drain()
    received = _sent(server)
    assert (received["From"], received["Reply-To"]) == ("us@example.com", "help@other.example")


def test_the_providers_own_from_is_not_rewritten(sqlite_bench: Bench, smtp_server: Any) -> None:
    server = smtp_server()
    sqlite_bench.provider(server.port, "one", from_policy="rewrite")
    message_id = sqlite_bench.submit(from_="Us <us@example.com>")
    sqlite_bench.engine.drain()
    assert _sent(server)["Reply-To"] is None
    assert "rewritten" not in sqlite_bench.story(message_id)["attempts"][0]["plan"]


def test_a_neighbour_at_the_same_domain_is_rewritten_too(sqlite_bench: Bench, smtp_server: Any) -> None:
    server = smtp_server()
    sqlite_bench.provider(server.port, "one", from_policy="rewrite")
    sqlite_bench.submit(from_="them@example.com")
    sqlite_bench.engine.drain()
    assert (_sent(server)["From"], _sent(server)["Reply-To"]) == ("us@example.com", "them@example.com")


def test_warnings_name_what_would_happen_to_a_submission(sqlite_bench: Bench) -> None:
    (none,) = SenderAdvice(sqlite_bench.database).warnings(None, None)
    assert (none.name, none.guide) == ("no_provider", "smtp-configuration#basic-configuration")
    sqlite_bench.provider(25, "own", from_policy="own")
    noreply, refused = SenderAdvice(sqlite_bench.database).warnings("noreply@other.example", "Acme")
    assert (noreply.name, noreply.message[:24]) == ("from_no_reply", "noreply@ looks like spam")
    assert refused.message == (
        "No provider can send this now, so it waits: own may not send from other.example: its senders are example.com."
    )
    sqlite_bench.provider(25, "rewriting", from_policy="rewrite", priority=2)
    advice = SenderAdvice(sqlite_bench.database)
    (rewritten,) = advice.warnings("ana@other.example", "Ana")
    assert (
        rewritten.message == "Through rewriting the From becomes us@example.com; replies still reach ana@other.example."
    )
    assert advice.warnings("us@example.com", "Us") == ()
    assert advice.warnings(None, None) == ()
    (unnamed,) = advice.warnings("us@example.com", None)
    assert (unnamed.name, unnamed.guide) == ("from_name", "from-address#from-name")


def test_every_warning_leads_to_a_part_of_a_guide_that_is_there(sqlite_bench: Bench) -> None:
    sqlite_bench.provider(25, "own", from_policy="own")
    sqlite_bench.provider(25, "rewriting", from_policy="rewrite", priority=2)
    advice = SenderAdvice(sqlite_bench.database)
    said = [*advice.warnings("noreply@gmail.com", "noreply"), *advice.warnings("a@other.example", "x")]
    assert {one.name for one in said} == {"from_public_mailbox", "from_no_reply", "from_name", "from_rewritten"}
    for one in said:
        name, _, anchor = one.guide.partition("#")
        headings = re.findall(r"^#+ (.+)$", guide_book()[name].text, re.MULTILINE)
        assert anchor in [heading.lower().replace(" ", "-") for heading in headings]
