"""A part of a page that cannot be renewed leaves the page as it is: a bar over it says what happened and goes by itself."""

from playwright.sync_api import Page, expect

from tests.browser.conftest import Screen


def _bar(page: Page) -> None:
    expect(page.locator("#trouble")).to_be_visible()
    # The list, and the row that asks for what is newer, are still there.
    expect(page.locator("#log-rows tr[id^=m-]").first).to_be_visible()
    expect(page.locator("#log-poll")).to_have_count(1)


def _expected(screen: Screen, what: str) -> None:
    """The browser and htmx tell of the failure in the console as well; anything else fails the test."""
    screen.complaints = [line for line in screen.complaints if what not in line and not line.startswith("htmx:")]


def test_a_server_that_does_not_answer_is_told_and_asked_again(screen: Screen) -> None:
    page = screen.go("/logs")
    page.route("**/logs/new*", lambda route: route.abort())
    _bar(page)
    expect(page.locator("#trouble")).to_contain_text("No answer from SendDock")
    expect(page.locator("#trouble")).to_contain_text("mail does not depend on this page")
    page.unroute("**/logs/new*")
    expect(page.locator("#trouble")).to_be_hidden()
    assert screen.complaints, "the browser itself tells of what it could not load"
    _expected(screen, "ERR_FAILED")


def test_an_answer_of_a_proxy_is_not_put_into_the_page(screen: Screen) -> None:
    page = screen.go("/logs")
    page.route("**/logs/new*", lambda route: route.fulfill(status=502, body="<h1>Bad Gateway</h1>"))
    _bar(page)
    expect(page.locator("#trouble")).to_contain_text("502")
    expect(page.get_by_text("Bad Gateway")).to_have_count(0)
    page.unroute("**/logs/new*")
    expect(page.locator("#trouble")).to_be_hidden()
    _expected(screen, "502")


def test_what_a_person_pressed_in_vain_is_told_until_it_is_closed(screen: Screen) -> None:
    page = screen.go("/logs")
    form = page.locator("#log-filters")
    form.evaluate("form => { form.setAttribute('hx-get', '/logs/nothing-like-this'); htmx.process(form); }")
    page.locator("#state").select_option("failed")
    _bar(page)
    expect(page.locator("#trouble")).to_contain_text("There is nothing here")
    with page.expect_response("**/logs/new*"):
        pass
    expect(page.locator("#trouble")).to_be_visible()
    assert screen.faults(include=[["#trouble"]]) == []
    page.locator("#trouble").get_by_role("button", name="Close").click()
    expect(page.locator("#trouble")).to_be_hidden()
    # It can be pressed again, once it works.
    form.evaluate("form => { form.setAttribute('hx-get', '/logs'); htmx.process(form); }")
    page.locator("#state").select_option("accepted")
    page.wait_for_url("**state=accepted**")
    _expected(screen, "404")


def test_a_session_that_has_ended_leads_to_the_door_and_back_to_the_page(screen: Screen) -> None:
    page = screen.go("/logs?state=failed")
    page.context.clear_cookies()
    page.wait_for_url(lambda url: "/login?" in url)
    assert page.evaluate("new URLSearchParams(location.search).get('next')") == "/logs?state=failed"
