"""What holds for every page of the map of addresses: nothing serious for axe in light and dark, targets of 24 pixels, no wider
than a phone, and all of it there without JavaScript."""

from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.acme import Acme, Operator
from tests.browser.conftest import Screen, signed_in
from tests.browser.pages import OPEN, PANEL
from tests.browser.test_first_load_and_shifts import shifts_during
from tests.browser.test_nothing_moves import moved, places

#: Buttons and fields, and links that look like buttons, that are smaller than WCAG 2.2 (2.5.8) wants: 24 by 24 CSS pixels.
SMALL_TARGETS = """() => [...document.querySelectorAll(
    'button, select, textarea, a.btn, .menu a, summary, input:not([type=hidden]):not([type=checkbox]):not([type=radio])')]
  .filter(one => one.checkVisibility({visibilityProperty: true}) && !one.closest('.visually-hidden'))
  .map(one => [one.outerHTML.slice(0, 120), one.getBoundingClientRect()])
  .filter(([, box]) => box.width < 24 || box.height < 24)
  .map(([html, box]) => `${Math.round(box.width)} x ${Math.round(box.height)}: ${html}`)"""


@pytest.fixture(scope="module")
def kept(browser: Browser, acme: Acme) -> list[Any]:
    return signed_in(browser, acme.house)


@pytest.fixture(scope="module")
def page_of_acme(browser: Browser, kept: list[Any]) -> Iterator[Page]:
    """One tab for all pages: what is looked at is the page, not the tab."""
    context = browser.new_context(reduced_motion="reduce")
    context.add_cookies(kept)
    yield context.new_page()
    context.close()


@pytest.fixture(scope="module")
def page_of_nobody(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(reduced_motion="reduce")
    yield context.new_page()
    context.close()


def _judge(page: Page, base: str, path: str) -> None:
    page.set_viewport_size({"width": 1280, "height": 860})
    page.emulate_media(color_scheme="light")
    screen = Screen(page, base)
    screen.go(path)
    expect(page.locator("main h1").first).to_be_visible()
    page.locator("main details:not(.more)").evaluate_all("all => all.forEach(one => { one.open = true; })")
    assert screen.faults() == []
    page.emulate_media(color_scheme="dark")
    page.locator("html[data-bs-theme=dark]").wait_for(state="attached")
    assert screen.faults(runOnly=["color-contrast"]) == []
    assert page.evaluate(SMALL_TARGETS) == []
    page.set_viewport_size({"width": 390, "height": 844})
    wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wider <= 0, f"{wider} pixels wider than the phone"
    assert page.evaluate(SMALL_TARGETS) == []
    assert [line for line in screen.complaints if "404" not in line and "(FORBIDDEN)" not in line] == []


@pytest.mark.parametrize("path", PANEL)
def test_a_page_is_accessible_in_light_and_dark_and_fits_a_phone(page_of_acme: Page, acme: Acme, path: str) -> None:
    _judge(page_of_acme, f"http://127.0.0.1:{acme.house.port}", path.format(**acme.messages))


@pytest.mark.parametrize("path", OPEN)
def test_a_page_of_those_who_are_not_signed_in_is_too(page_of_nobody: Page, acme: Acme, path: str) -> None:
    _judge(page_of_nobody, f"http://127.0.0.1:{acme.house.port}", path)


@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_moves_while_a_domain_is_checked(page_of_acme: Page, acme: Acme, width: int) -> None:
    page = page_of_acme
    page.set_viewport_size({"width": width, "height": 860})
    page.goto(f"http://127.0.0.1:{acme.house.port}/domains/acme.example")
    page.locator("#report:not([hx-get])").wait_for()
    parts = ("h1", "#report > .card", "#report > h2", "#report li.provider", ".advice-list li", ".record")
    before = places(page, *parts)

    def checked() -> None:
        with page.expect_response(lambda answer: answer.url.endswith("/check")):
            page.get_by_role("button", name="Check now").click()
        page.locator("#report[hx-get]").wait_for(state="detached")
        page.locator("#report:not(.htmx-settling)").wait_for()

    assert shifts_during(page, checked) == []
    assert moved(before, places(page, *parts)) == {}


class _Forms(HTMLParser):
    """The forms of a page: where they go, how, and how they are sent without JavaScript."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[dict[str, Any]] = []
        self.headings = 0
        self._inside: dict[str, Any] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "h1":
            self.headings += 1
        elif tag == "form":
            self._inside = {**given, "buttons": 0}
            self.forms.append(self._inside)
        elif self._inside is not None and tag in ("button", "input"):
            kind = given.get("type", "submit" if tag == "button" else "text")
            # A single field of text is sent by Enter.
            self._inside["buttons"] += kind == "submit" or (tag == "input" and kind == "search")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = None


@pytest.fixture(scope="module")
def ana(acme: Acme) -> Operator:
    return Operator(acme.house)


@pytest.mark.parametrize("path", [path for path in PANEL if path != "/nowhere"])
def test_a_page_is_whole_and_its_forms_can_be_sent_without_javascript(ana: Operator, acme: Acme, path: str) -> None:
    text = ana.read(path.format(**acme.messages))
    found = _Forms()
    found.feed(text)
    assert found.headings >= 1
    assert "skeleton" not in text, "something is fetched by a script only"
    for form in found.forms:
        assert form.get("action"), form
        assert form.get("method") in ("get", "post"), form
        assert form["buttons"], form
