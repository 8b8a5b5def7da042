"""Nothing moves when a part of a page is replaced: neither for the browser's own measure, nor what stands where for a person.

The measure (layout-shift entries) knows elements, and a swap makes new ones; so the places of what a person takes for the
same thing are compared as well.
"""

import contextlib
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route

from tests.browser.conftest import Screen, send
from tests.browser.test_first_load_and_shifts import shifts_during
from tests.e2e.house import Installation, until

SIZES = pytest.mark.parametrize("size", [(1280, 860), (390, 844)], ids=["desktop", "phone"])
#: Where the elements of a selector are, by their id or their place among them: left edge, top edge, height.
_PLACES = """selectors => Object.fromEntries(selectors.flatMap(
  selector => [...document.querySelectorAll(selector)].map((one, at) => {
    const box = one.getBoundingClientRect();
    return [`${selector} ${one.id || at}`, [box.left, box.top + scrollY, box.height].map(Math.round)];
  })))"""


def places(page: Page, *selectors: str) -> dict[str, list[int]]:
    found: dict[str, list[int]] = page.evaluate(_PLACES, list(selectors))
    assert found, selectors
    return found


def moved(before: dict[str, list[int]], after: dict[str, list[int]]) -> dict[str, Any]:
    """What stands elsewhere, among what is there both times."""
    both = before.keys() & after.keys()
    assert both
    return {key: (before[key], after[key]) for key in both if before[key] != after[key]}


@pytest.fixture
def sized(opened: Callable[..., Screen], size: tuple[int, int]) -> Screen:
    return opened(viewport={"width": size[0], "height": size[1]})


def _renewed(page: Page, address: str) -> None:
    with page.expect_response(
        lambda answer: address in answer.url and answer.request.headers.get("hx-request") == "true"
    ):
        pass
    page.locator(".htmx-swapping, .htmx-settling").wait_for(state="detached")


def _settled(house: Installation, message_id: str) -> bool:
    _, found = house.get(f"/api/emails/{message_id}", house.token)  # type: ignore[attr-defined]
    return bool(found["last_event"] not in ("queued", "sending"))


@SIZES
def test_the_overview_stays_where_it_is_while_mail_arrives_and_providers_fail(
    sized: Screen, house: Installation, size: tuple[int, int]
) -> None:
    page = sized.go("/?all=1&span=24h")
    page.wait_for_load_state("networkidle")
    parts = (
        ".figure",
        "section > h2",
        ".provider-card",
        ".provider-card dt",
        ".incidents",
        "thead th",
        ".log-table",
    )
    before = places(page, *parts)

    def changed() -> None:
        for to in ("bo@example.org", "gone@example.org", "strict@example.org"):
            message_id = send(house, to, f"While somebody looks, {size[0]}")
            until(lambda one=message_id: _settled(house, one), 60, str)
        _renewed(page, "/?span=")
        page.get_by_text(f"While somebody looks, {size[0]}").first.wait_for()

    assert shifts_during(page, changed) == []
    assert moved(before, places(page, *parts)) == {}


@SIZES
def test_the_columns_of_the_log_stand_still_whatever_it_is_filtered_to(
    sized: Screen, house: Installation, size: tuple[int, int]
) -> None:
    page = sized.go("/logs?state=accepted")
    page.wait_for_load_state("networkidle")
    parts = (".page-head", "#log-filters", "#log", "thead th", "#log-rows td", "#log-rows tr[id^=m-] .log-subject")
    before = places(page, *parts)

    def filtered() -> None:
        for state in ("failed", "accepted"):
            page.locator("#state").select_option(state, force=True)
            page.wait_for_url(f"**state={state}**")

    assert [one for one in shifts_during(page, filtered) if one["value"]] == []
    changed = moved(before, places(page, *parts))
    assert [
        key for key, (old, new) in changed.items() if old[0] != new[0] or key.startswith((".page-head", "#log-filters"))
    ] == []


@SIZES
def test_every_row_of_the_log_is_as_high_as_the_others(sized: Screen, house: Installation) -> None:
    send(house, "bo@example.org", "🦄 " + "A subject without an end " * 30)
    page = sized.go("/logs")
    page.get_by_text("A subject without an end").first.wait_for()
    heights = {box[2] for key, box in places(page, "#log-rows tr[id^=m-]").items() if key}
    assert max(heights) - min(heights) <= 1, heights


@SIZES
def test_a_new_message_goes_above_the_others_and_moves_them_nowhere_else(
    sized: Screen, house: Installation, size: tuple[int, int]
) -> None:
    page = sized.go("/logs")
    page.wait_for_load_state("networkidle")
    parts = ("thead th", "#log-filters", ".page-head", "#log-rows tr[id^=m-]")
    before = places(page, *parts)
    subject = f"Goes above at {size[0]}"
    send(house, "bo@example.org", subject)
    page.get_by_role("link", name=subject).first.wait_for()
    page.locator(".htmx-swapping, .htmx-settling").wait_for(state="detached")
    changed = moved(before, places(page, *parts))
    assert {key.rpartition(" ")[0] for key in changed} <= {"#log-rows tr[id^=m-]"}
    # All of them by the same way down, and by nothing to the side.
    assert len({new[1] - old[1] for old, new in changed.values()}) == 1
    assert {(new[0] - old[0], new[2] - old[2]) for old, new in changed.values()} == {(0, 0)}


_RECORD = """() => {
  window.seen = [];
  document.addEventListener("htmx:afterSettle", () => {
    if (!document.querySelector("#test .stages")) return;
    const top = document.querySelector("#test").getBoundingClientRect().top;
    const parts = [...document.querySelectorAll("#test .test-head h2, #test .stages li")];
    const boxes = parts.map(one => one.getBoundingClientRect());
    window.seen.push(boxes.map(box => `${Math.round(box.top - top)}:${Math.round(box.height)}`).join(" "));
  });
}"""


@SIZES
@pytest.mark.parametrize(("provider", "ends"), [(2, "Connection successful"), (1, "The server could not be reached")])
def test_a_connection_test_fills_its_stages_in_their_places(sized: Screen, provider: int, ends: str) -> None:
    page = sized.go(f"/smtp/{provider}")
    page.wait_for_load_state("networkidle")
    outside = ("#provider-form", ".with-aside-side .card", "h1")
    before = places(page, *outside)
    page.evaluate(_RECORD)

    def tested() -> None:
        with page.expect_response(lambda answer: answer.url.endswith("/test")):
            page.get_by_role("button", name="Test Connection").click()
        page.locator("#test:not([hx-get])").get_by_text(ends).first.wait_for()

    assert shifts_during(page, tested) == []
    assert len(set(page.evaluate("window.seen"))) == 1, page.evaluate("window.seen")
    if page.evaluate("scrollY") == 0 or page.viewport_size == {"width": 390, "height": 844}:
        assert moved(before, places(page, *outside)) == {}


def test_an_order_made_by_keyboard_is_the_one_the_server_answers_with(screen: Screen) -> None:
    page = screen.go("/smtp")
    page.wait_for_load_state("networkidle")
    held: list[Route] = []
    page.route("**/smtp/order", lambda route: held.insert(0, route))
    for key in ("ArrowUp", "ArrowDown"):
        with page.expect_request("**/smtp/order"):
            page.locator("#handle-2").press(key)
        put = places(page, ".provider", ".provider-main", "h1", ".explain")

        def answered() -> None:
            with page.expect_response("**/smtp/order"):
                held.pop().continue_()
            page.locator(".htmx-swapping, .htmx-settling").wait_for(state="detached")

        assert shifts_during(page, answered) == []
        assert moved(put, places(page, ".provider", ".provider-main", "h1", ".explain")) == {}


def _age_password(house: Installation, days: int) -> None:
    with contextlib.closing(sqlite3.connect(next(Path(house.data).glob("*.db")), timeout=20)) as database, database:
        database.execute(
            "UPDATE provider SET password_set_at = datetime('now', ?) WHERE name = 'Hostinger'", (f"-{days} days",)
        )


@SIZES
def test_the_strip_of_alerts_comes_and_goes_without_a_move(
    sized: Screen, house: Installation, size: tuple[int, int]
) -> None:
    page = sized.go("/suppressions")
    ask = """() => new Promise(done => {
      const strip = document.getElementById("strip");
      document.addEventListener("htmx:afterOnLoad", () => setTimeout(done, 0), {once: true});
      htmx.ajax("GET", strip.getAttribute("hx-get"), {source: strip, target: "#strip", swap: "outerHTML"});
    })"""

    def until_it_says(words: str) -> None:
        until(
            lambda: page.evaluate(ask) or words in page.locator("#strip").inner_text(),
            60,
            page.locator("#strip").inner_text,
        )

    # What else might need a person is put aside.
    assert house.run("provider", "disable", "1").returncode == 0
    for first, then in ((112, 1), (1, 112)):
        _age_password(house, first)
        until(lambda old=first > 90: ("older than 90" in screen_text(page, house)) == old, 60, str)
        parts = ("h1", "form.card", "#suppressions", ".filters")
        before = places(page, *parts)
        _age_password(house, then)
        words = "It is over" if then == 1 else "older than 90"
        quiet = shifts_during(page, lambda words=words: until_it_says(words))
        assert quiet == []
        assert moved(before, places(page, *parts)) == {}
    _age_password(house, 1)
    assert house.run("provider", "enable", "1").returncode == 0


def screen_text(page: Page, house: Installation) -> str:
    page.goto(f"http://127.0.0.1:{house.port}/suppressions")
    return page.locator("#strip").inner_text()


@SIZES
def test_a_preview_renews_itself_beside_what_is_typed(sized: Screen, size: tuple[int, int]) -> None:
    page = sized.go("/send")
    page.wait_for_load_state("networkidle")
    parts = ("#compose", "#compose .mb-3", "section.card", "iframe")
    before = places(page, *parts)

    def typed() -> None:
        with page.expect_response("**/send/preview"):
            page.get_by_label("Text").fill("Dear Ana,\n\nthe invoice.")

    assert shifts_during(page, typed) == []
    assert moved(before, places(page, *parts)) == {}


@SIZES
def test_the_editor_of_routes_keeps_everything_around_it_in_place(sized: Screen, size: tuple[int, int]) -> None:
    page = sized.go("/routing/streams/1")
    page.wait_for_load_state("networkidle")
    parts = ("h1", "#route-preview", "#editor", "#editor .form-foot", ".placed .route-steps")
    page.get_by_role("button", name="Move Resend backup up").click()
    page.locator(".badge", has_text="not saved").wait_for()
    before = places(page, *parts)
    for name in ("Move Resend backup down", "Move Resend backup up"):

        def stepped(button: str = name) -> None:
            with page.expect_response("**/draft"):
                page.get_by_role("button", name=button).click()
            page.locator(".htmx-swapping, .htmx-settling").wait_for(state="detached")

        shifts_during(page, stepped)
    assert moved(before, places(page, *parts)) == {}
