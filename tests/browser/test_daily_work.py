"""What an operator does with a mouse or a keyboard: reorder, watch the log, send again, look at hostile mail."""

import ssl

import trustme
from playwright.sync_api import expect

from tests.browser.conftest import Screen, send
from tests.e2e.house import Installation, until
from tests.smtp_server import ScriptedSMTP

EVIL = "<img src=x onerror=window.hacked=1><script>window.hacked=1</script>"


def _order(house: Installation) -> list[str]:
    return [row["name"] for row in sorted(house.json("provider", "list"), key=lambda row: row["priority"])]


def test_providers_are_reordered_by_keyboard_and_by_drag(screen: Screen, house: Installation) -> None:
    names = _order(house)
    page = screen.go("/smtp")
    last = page.locator(".provider").last
    handle = last.locator("[data-handle]")
    number = handle.get_attribute("id")
    with page.expect_response("**/smtp/order"):
        handle.press("ArrowUp")
    assert _order(house) == [names[0], names[2], names[1]]
    expect(page.locator(f"#{number}")).to_be_focused()
    expect(page.locator(".provider .rank")).to_have_text(["1", "2", "3"])
    box, first = page.locator(f"#{number}").bounding_box(), page.locator(".provider").first.bounding_box()
    assert box is not None
    assert first is not None
    page.mouse.move(box["x"] + 5, box["y"] + 5)
    page.mouse.down()
    page.mouse.move(box["x"] + 5, first["y"] + 10, steps=6)
    with page.expect_response("**/smtp/order"):
        page.mouse.up()
    assert _order(house) == [names[2], names[0], names[1]]
    for _ in range(2):
        with page.expect_response("**/smtp/order"):
            page.locator(f"#{number}").press("ArrowDown")
    assert _order(house) == names


def test_the_log_shows_new_mail_by_itself_and_only_puts_it_before(screen: Screen, house: Installation) -> None:
    page = screen.go("/logs")
    shown = page.locator("#log-rows tr[id^=m-]").first.get_attribute("id")
    page.locator(f"#{shown}").evaluate("row => { row.dataset.kept = 'yes'; }")
    message_id = send(house, "eli@example.org", "Arrives by itself")
    row = page.locator(f"#m-{message_id}")
    expect(row).to_contain_text("Arrives by itself")
    expect(row).to_contain_text("accepted")
    assert page.locator(f"#{shown}").get_attribute("data-kept") == "yes"
    newest = page.locator("#log-rows tr[id^=m-]").first.get_attribute("id")
    assert newest == f"m-{message_id}"


def test_a_log_that_is_left_open_does_not_grow_for_ever(screen: Screen, house: Installation) -> None:
    page = screen.go("/logs")
    page.locator("#log-rows").evaluate("rows => { rows.dataset.most = '3'; rows.dataset.old = 'yes'; }")
    message_id = send(house, "eli@example.org", "One too many")
    expect(page.locator("#log-rows[data-old]")).to_have_count(0)
    expect(page.locator(f"#m-{message_id}")).to_contain_text("One too many")


def test_a_filter_stands_in_the_address_bar_and_comes_back(screen: Screen) -> None:
    page = screen.go("/logs")
    page.locator("#state").select_option("failed")
    page.wait_for_url("**state=failed**")
    expect(page.locator("#log-rows")).not_to_contain_text("bo@example.org")
    assert "state=failed" in (page.get_by_role("link", name="CSV").get_attribute("href") or "")
    page.reload()
    assert page.locator("#state").input_value() == "failed"
    page.go_back()
    expect(page.locator("#log-rows")).to_contain_text("bo@example.org")


def test_a_failed_message_is_sent_again(screen: Screen, house: Installation, willing: ScriptedSMTP) -> None:
    message_id = send(house, "strict@example.org", "Once more")
    page = screen.go(f"/logs/{message_id}")
    expect(page.locator("#story .state").first).to_contain_text("failed")
    hostinger = page.locator(".timeline-list strong", has_text="Hostinger")
    expect(hostinger).to_have_count(0)
    page.get_by_label("Provider", exact=True).select_option(label="Hostinger")
    page.get_by_role("button", name="Send again").click()
    expect(page.locator("#story")).to_contain_text("sent again by ana@acme.example")
    # More than once where its link dies after the dot: then the same provider is asked again.
    expect(hostinger.first).to_be_visible()


def test_hostile_mail_runs_nothing(screen: Screen, house: Installation) -> None:
    body = {
        "from": "Acme <us@example.com>", "to": "bo@example.org", "subject": EVIL, "text": EVIL, "html": EVIL,
        "headers": {"X-Evil": EVIL}, "attachments": [{"filename": f"{EVIL}.txt", "content": "aGk="}],
    }  # fmt: skip
    status, answer = house.post("/api/emails", body, house.token)  # type: ignore[attr-defined]
    assert status == 200, answer
    until(lambda: house.json("messages", "show", answer["id"])["last_event"] not in ("queued", "sending"), 60, str)
    for path in ("/logs", f"/logs/{answer['id']}", f"/logs/{answer['id']}?remote=1", "/", "/jump?q=bo@example.org"):
        page = screen.go(path)
        expect(page.locator("main")).to_contain_text("onerror")
        page.locator("details").evaluate_all("all => all.forEach(one => { one.open = true; })")
        page.wait_for_load_state("networkidle")
        assert all(frame.evaluate("window.hacked") is None for frame in page.frames if frame.name != "closed")
    # What the sandbox refuses is said in the console; that is the proof that it was refused.
    screen.complaints = [
        line for line in screen.complaints if "sandboxed" not in line and "Content Security" not in line
    ]


def test_the_button_beside_a_suggestion_fills_port_and_encryption(screen: Screen) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    server = ScriptedSMTP(tls="ssl", context=context)
    page = screen.go("/smtp/new?preset=generic")
    page.get_by_label("Provider Name").fill("Speaks SSL")
    page.get_by_label("Host").fill("127.0.0.1")
    page.get_by_label("Port", exact=True).fill(str(server.port))
    page.get_by_label("From Email").fill("hello@acme.example")
    page.get_by_text("Advanced: limits, senders, time-outs").click()
    page.get_by_label("Greeting and sign-in").fill("1")
    page.get_by_role("button", name="Test Connection").click()
    page.get_by_label("Port", exact=True).fill("25")
    page.get_by_role("button", name=f"Use port {server.port}").click()
    expect(page.get_by_label("SSL", exact=True)).to_be_checked()
    expect(page.get_by_label("Port", exact=True)).to_have_value(str(server.port))
    expect(page.get_by_label("Port", exact=True)).to_be_focused()
    server.stop()


def test_a_from_that_receivers_will_not_like_is_remarked_while_it_is_typed(screen: Screen) -> None:
    page = screen.go("/send")
    page.get_by_label("From", exact=True).fill("noreply@acme.example")
    expect(page.locator("#from-advice")).to_contain_text("looks like spam")
    page.get_by_label("From", exact=True).fill("Acme <hello@acme.example>")
    expect(page.locator("#from-advice")).to_be_empty()


def test_the_focus_stays_where_it_is_while_the_overview_renews_itself(screen: Screen) -> None:
    page = screen.go("/?span=7d")
    page.locator("#span-30d").focus()
    with page.expect_response(lambda answer: "/?span=" in answer.url):
        pass
    page.locator("#figures.htmx-settling").wait_for(state="detached")
    expect(page.locator("#span-30d")).to_be_focused()
