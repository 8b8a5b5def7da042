"""How much a page's first load is as it travels, and that what is read stays in place while a page renews itself."""

from collections.abc import Callable
from typing import Any

from playwright.sync_api import CDPSession, Page

from tests.browser.conftest import Screen, send
from tests.e2e.house import Installation

#: Octets on the wire for everything a page needs, with an empty cache.
_MOST = 200 * 1024
#: One of each kind, by the files it needs.
_PAGES = (
    "/",
    "/smtp",
    "/smtp/1",
    "/routing",
    "/routing/streams/1",
    "/logs",
    "/statistics",
    "/send",
    "/guides/smtp-configuration",
)
_WATCH = """() => {
  window.shifts = [];
  const name = node => {
    const part = node && (node.nodeType === 1 ? node : node.parentElement);
    return !part ? "?" : part.closest("#log") ? "log" : part.id || part.className || part.nodeName;
  };
  new PerformanceObserver(list => {
    for (const one of list.getEntries())
      window.shifts.push({value: one.value, what: one.sources.map(source => name(source.node))});
  }).observe({type: "layout-shift"});
}"""
#: Two frames after a swap, the browser has laid it out and has told of what moved.
_LAID_OUT = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 0))))"


def octets_of(page: Page) -> list[int]:
    """Fills with what each answer took on the wire, headers included."""
    found: list[int] = []
    session: CDPSession = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.on("Network.loadingFinished", lambda event: found.append(int(event["encodedDataLength"])))
    return found


def test_a_first_load_is_small(opened: Callable[..., Screen]) -> None:
    large = {}
    for path in _PAGES:
        screen = opened()
        octets = octets_of(screen.page)
        screen.go(path)
        screen.page.wait_for_load_state("load")
        assert len(octets) >= 5, "page, styles and scripts were seen"
        if sum(octets) >= _MOST:
            large[path] = sum(octets)
        screen.page.close()
    assert large == {}


def test_what_was_loaded_once_is_not_asked_for_again(opened: Callable[..., Screen]) -> None:
    screen = opened()
    screen.go("/logs")
    screen.page.wait_for_load_state("load")
    octets = octets_of(screen.page)
    screen.go("/suppressions")
    screen.page.wait_for_load_state("load")
    assert sum(octets) < 20 * 1024, "only the page itself travels"


def shifts_during(page: Page, act: Callable[[], None]) -> list[Any]:
    page.evaluate(_WATCH)
    act()
    page.evaluate(_LAID_OUT)
    return list(page.evaluate("window.shifts"))


def test_nothing_moves_while_the_overview_brings_itself_up_to_date(screen: Screen) -> None:
    page = screen.go("/?all=1")
    page.wait_for_load_state("networkidle")

    def swapped() -> None:
        with page.expect_response(
            lambda answer: "/?span=" in answer.url and answer.request.headers.get("hx-request") == "true"
        ):
            pass

    assert shifts_during(page, swapped) == []


def test_what_a_person_reads_stays_while_new_mail_arrives_above_it(screen: Screen, house: Installation) -> None:
    for number in range(12):
        send(house, f"r{number}@example.org", f"Read me {number}")
    page = screen.go("/logs")
    page.set_viewport_size({"width": 1280, "height": 400})
    page.wait_for_load_state("networkidle")
    read = page.locator("#log-rows tr[id^='m-']").nth(8)
    read.evaluate("row => window.scrollTo(0, row.getBoundingClientRect().top + window.scrollY - 100)")
    place, before = read.get_attribute("id"), page.evaluate("window.scrollY")
    assert before > 0

    def prepended() -> None:
        send(house, "new@example.org", "Arrived meanwhile")
        page.get_by_role("link", name="Arrived meanwhile").first.wait_for(state="attached")

    moved = shifts_during(page, prepended)
    assert page.evaluate("window.scrollY") > before, "the page is longer above"
    top = page.locator(f"#{place}").evaluate("row => row.getBoundingClientRect().top")
    assert abs(top - 100) < 1.5, (top, moved)
