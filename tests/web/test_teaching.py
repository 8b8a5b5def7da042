"""Teaching a rule from an attempt: filled in, shown against the past, used from then on, and taken back."""

import re
from collections.abc import Callable

import pytest

from tests.conftest import Bench
from tests.smtp_server import ScriptedSMTP, reply
from tests.web.conftest import Panel

WORDS = "550 Strange house matter 17 for nothing named"


@pytest.fixture
def refused(mail: Bench, smtp_server: Callable[..., ScriptedSMTP]) -> str:
    """A message that a server refused with words that no rule knows."""
    mail.provider(smtp_server({"final_dot": [reply(WORDS)] * 3}).port, "Main", 1)
    message_id = mail.submit(subject="Before")
    mail.engine.drain()
    return message_id


def test_a_rule_is_taught_from_a_reply_used_and_taken_back(panel: Panel, mail: Bench, refused: str) -> None:
    before = mail.story(refused)["attempts"][0]
    link = re.search(r'href="(/rules/new[^"]+)"', panel.get(f"/logs/{refused}").text)
    assert link is not None
    page = link[1].replace("&amp;", "&")
    form = panel.get(page).text
    assert "Strange house matter" in form
    fields = {
        "pattern": "strange * matter",
        "verdict_class": "recipient_permanent",
        "preset": "",
        "hint": "Ask the house.",
    }
    shown = panel.post("/rules/preview", fields, form=page, fragment=True).text
    assert refused in shown
    assert before["class"] in shown
    assert panel.post("/rules", fields, form=page).status_code == 303
    again = mail.submit(subject="After")
    mail.engine.drain()
    after = mail.story(again)["attempts"][0]
    assert (after["class"], after["rule"]) == ("recipient_permanent", "taught-1")
    assert mail.story(refused)["attempts"][0]["class"] == before["class"], "history is not rewritten"
    assert "strange * matter" in panel.get("/rules").text
    assert panel.post("/rules/1/remove", form="/rules").status_code == 303
    assert panel.post("/rules/1/remove", form="/rules").status_code == 404
    assert "strange * matter" in panel.get("/rules").text, "it stays as history"
    third = mail.submit("other@example.org", subject="Third")
    mail.engine.drain()
    assert mail.story(third)["attempts"][0]["class"] == before["class"]


@pytest.mark.parametrize("words", ["", "*", "ab*", "x" * 201])
def test_words_that_would_fit_everything_are_refused(panel: Panel, words: str) -> None:
    fields = {"pattern": words, "verdict_class": "recipient_permanent", "preset": ""}
    answer = panel.post("/rules", fields, form="/rules/new")
    assert answer.status_code == 422
    assert 'class="invalid-feedback' in answer.text
    assert panel.post("/rules/preview", fields, form="/rules/new", fragment=True).status_code == 200


def test_an_attempt_that_is_none_is_not_found(panel: Panel) -> None:
    assert panel.get("/rules/new?message=nobody&attempt=1").status_code == 404
