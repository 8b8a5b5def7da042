"""The frame of every page: the sections that are there, and going anywhere by a few letters."""

from senddock.models import Database
from senddock.secrets.vault import Vault
from tests.conftest import Bench
from tests.web.conftest import Panel


def test_only_sections_that_are_there_are_shown_and_each_answers(panel: Panel) -> None:
    with panel.app.test_request_context():
        from senddock.web.navigation import sections

        found = list(sections())
    assert {"/", "/smtp", "/logs", "/send", "/keys"} <= {section.href for section in found}
    for section in found:
        page = panel.get(section.href)
        assert page.status_code == 200, section.href
        assert f'<a href="{section.href}" aria-current="page">' in page.text, section.href


def test_a_page_a_provider_and_a_message_are_jumped_to(panel: Panel, sqlite: Database, vault: Vault) -> None:
    bench = Bench(sqlite, vault, None)
    provider_id = bench.provider(2525, "Resend backup")
    message_id = bench.submit("ana@example.org", subject="<b>Hi</b>")
    bench.close()
    assert 'href="/logs"' in panel.get("/jump?q=log", fragment=True).text
    assert f'href="/smtp/{provider_id}"' in panel.get("/jump?q=resend", fragment=True).text
    for wanted in (message_id, "Ana@example.org"):
        text = panel.get(f"/jump?q={wanted}", fragment=True).text
        assert f'href="/logs/{message_id}"' in text
        assert "<b>" not in text
    assert panel.get("/jump?q=resend", fragment=True).text.strip() in panel.get("/jump?q=resend").text
