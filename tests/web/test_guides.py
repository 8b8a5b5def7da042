"""The guides in the panel: rendered, linked, with anchors; and the box that explains a reply."""

import re
from typing import Any

import pytest

from senddock.domain.catalogue.guide_book import guide_book
from senddock.web.guides.markdown import render

PAGES = sorted(guide_book())


def test_the_index_lists_every_guide_once(panel: Any) -> None:
    page = panel.get("/guides").text
    links = re.findall(r'class="card guide-link" href="/guides/([a-z0-9-]+)"', page)
    assert sorted(links) == PAGES


def test_every_link_and_anchor_in_every_guide_leads_somewhere(panel: Any) -> None:
    anchors: dict[str, set[str]] = {}
    links: list[tuple[str, str, str]] = []
    for name in PAGES:
        answer = panel.get(f"/guides/{name}")
        assert answer.status_code == 200
        text = answer.text.partition('class="guide-text"')[2].partition("</article>")[0]
        anchors[name] = set(re.findall(r'id="([^"]+)"', text))
        assert "{{" not in text
        assert "&lt;div" not in text
        for href in re.findall(
            r'href="([^"]+)"', answer.text.partition('class="guide-contents"')[2].partition("</article>")[0]
        ):
            if href.startswith(("/guides/", "#")):
                target, _, anchor = href.removeprefix("/guides/").partition("#")
                links.append((name, target or name, anchor))
    assert len(links) > 300
    dead = [
        link
        for link in links
        if link[1] != "explain" and (link[1] not in anchors or (link[2] and link[2] not in anchors[link[1]]))
    ]
    assert dead == []


@pytest.mark.parametrize("anchor", ["domain-verification", "limits", "sandbox", "common-errors"])
@pytest.mark.parametrize("name", ["aws-ses", "resend", "sendgrid"])
def test_the_anchors_of_the_user_documentation_are_there(panel: Any, name: str, anchor: str) -> None:
    assert f'id="{anchor}"' in panel.get(f"/guides/{name}").text


@pytest.mark.parametrize(
    ("asked", "leads_to"), [("aws-ses.md", "aws-ses"), ("ses", "aws-ses"), ("failover", "failover-system")]
)
def test_other_spellings_lead_to_the_guide(panel: Any, asked: str, leads_to: str) -> None:
    answer = panel.get(f"/guides/{asked}")
    assert (answer.status_code, answer.headers["Location"]) == (301, f"/guides/{leads_to}")


def test_a_guide_that_does_not_exist_is_not_found(panel: Any) -> None:
    assert panel.get("/guides/nothing").status_code == 404


def test_html_in_a_guide_stays_text() -> None:
    page = render("# x\n\n## A <b>b</b>\n\n<script>alert(1)</script>\n\n[go](javascript:alert(1))", lambda name: name)
    assert "<script" not in page.html
    assert "<b>" not in page.html
    assert 'href="javascript' not in page.html


def test_a_reply_is_explained(panel: Any) -> None:
    page = panel.get("/guides/explain?line=550+5.7.1+Relaying+denied").text
    assert "<!doctype html>" in page
    for part in ("relay_denied", "Verify your domain", 'href="/guides/troubleshooting#relay-denied"', "relay-words"):
        assert part in page


def test_htmx_gets_the_answer_alone_and_the_page_contains_it(panel: Any) -> None:
    path = "/guides/explain?line=454+Throttling+failure:+Daily+message+quota+exceeded&provider=ses&stage=final_dot"
    part = panel.get(path, fragment=True).text
    assert part.lstrip().startswith('<div id="answer"')
    assert "quota_exceeded" in part
    assert part.strip() in panel.get(path).text


def test_what_a_person_pastes_is_shown_as_text(panel: Any) -> None:
    page = panel.get("/guides/explain?line=550+<img+src=x+onerror=alert(1)>&stage=nonsense&provider=nobody").text
    assert "<img src=x" not in page
    assert "&lt;img src=x" in page


def test_a_visitor_is_asked_to_sign_in(visitor: Any) -> None:
    assert visitor.get("/guides").status_code in (302, 303)
