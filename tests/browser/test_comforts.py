"""What makes the panel pleasant: forms without JavaScript, the dark, a phone, the keyboard, a small first load, no shifts."""

from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.conftest import Screen
from tests.e2e.house import Installation


def test_forms_work_without_javascript(opened: Callable[..., Screen], house: Installation) -> None:
    screen = opened(java_script_enabled=False, viewport={"width": 1280, "height": 860})
    page = screen.go("/logs")
    page.locator("#state").select_option("failed")
    page.get_by_role("button", name="Filter").click()
    assert "state=failed" in page.url
    expect(page.locator("#log-rows")).to_contain_text("gone@example.org")
    expect(page.locator("#log-rows")).not_to_contain_text("bo@example.org")
    screen.go("/smtp")
    page.get_by_label("More for Hostinger").click()
    page.locator("#provider-3").get_by_role("button", name="Disable").click()
    expect(page.locator("#provider-3")).to_contain_text("disabled")
    page.get_by_label("More for Hostinger").click()
    page.locator("#provider-3").get_by_role("button", name="Enable").click()
    expect(page.locator("#provider-3")).to_contain_text("healthy")
    page.get_by_role("button", name="Test Resend backup").click()
    page.wait_for_url("**/smtp/tests/*")
    while not page.get_by_text("Connection successful").count():
        page.get_by_role("link", name="Look again").click()
    screen.go("/send")
    page.get_by_label("To", exact=True).fill("fay@example.org")
    page.get_by_label("Subject").fill("By hand")
    page.get_by_role("button", name="Send", exact=True).click()
    page.wait_for_url("**/logs/*")
    expect(page.locator("h1")).to_contain_text("By hand")


def test_the_first_load_is_small(screen: Screen) -> None:
    sizes: dict[str, int] = {}

    def weigh(request: object) -> None:
        sizes[request.url] = request.sizes()["responseBodySize"] + request.sizes()["responseHeadersSize"]  # type: ignore[attr-defined]

    screen.page.on("requestfinished", weigh)
    screen.go("/").wait_for_load_state("networkidle")
    total = sum(sizes.values())
    assert len(sizes) > 4
    assert total < 200_000, sizes


def test_swaps_move_nothing(screen: Screen) -> None:
    page = screen.go("/?span=7d")
    page.evaluate(
        "() => { window.moved = 0; new PerformanceObserver(list => list.getEntries().forEach(one => {"
        " window.moved += one.value; })).observe({ type: 'layout-shift' }); }"
    )
    for _ in range(2):
        with page.expect_response(lambda answer: "/?span=" in answer.url):
            pass
    page.wait_for_function(
        "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))"
    )
    assert page.evaluate("window.moved") < 0.01


def test_dark_follows_the_system_or_the_switch(opened: Callable[..., Screen]) -> None:
    screen = opened(color_scheme="dark", viewport={"width": 1280, "height": 860})
    page = screen.go("/smtp")
    theme = "document.documentElement.dataset.bsTheme"
    assert page.evaluate(theme) == "dark"
    page.get_by_role("button", name="Switch between light, dark and system").click()
    assert page.evaluate(theme) == "light"
    page.reload()
    assert page.evaluate(theme) == "light"


def test_anything_is_reached_from_the_keyboard(screen: Screen, house: Installation) -> None:
    page = screen.go("/smtp")
    page.keyboard.press("Control+k")
    expect(page.locator("#jump-text")).to_be_focused()
    page.keyboard.type("resend")
    expect(page.locator("#places")).to_contain_text("Resend backup")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url("**/smtp/2")
    page.keyboard.press("Control+k")
    expect(page.locator("#places")).to_contain_text("Overview")
    assert screen.faults(include=[["#jump"]]) == []
    page.keyboard.press("Escape")
    expect(page.locator("#jump")).not_to_be_visible()


def test_on_a_phone_the_menu_opens_and_closes(opened: Callable[..., Screen]) -> None:
    screen = opened(viewport={"width": 390, "height": 844}, has_touch=True)
    page = screen.go("/logs")
    expect(page.locator("#menu")).not_to_be_visible()
    page.get_by_role("button", name="Menu").tap()
    page.locator("#menu").get_by_role("link", name="SMTP Settings").tap()
    page.wait_for_url("**/smtp")
    expect(page.locator("#menu")).not_to_be_visible()
