"""From the one-time link to a test message in the log, as a new operator goes through it."""

from playwright.sync_api import Browser, expect

from tests.browser.conftest import EMAIL, PASSWORD, Screen
from tests.e2e.house import installation
from tests.smtp_server import ScriptedSMTP


def test_a_new_operator_gets_to_a_logged_test_mail(browser: Browser, willing: ScriptedSMTP) -> None:
    with installation() as house:
        house.start()
        context = browser.new_context(viewport={"width": 1280, "height": 860})
        screen = Screen(context.new_page(), f"http://127.0.0.1:{house.port}")
        page = screen.page
        page.goto(next(word for word in house.log.read_text().split() if "/setup?token=" in word))
        page.get_by_label("E-mail").fill(EMAIL)
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_label("Password again").fill(PASSWORD)
        page.get_by_role("button", name="Create account").click()

        # The checklist leads to the provider, from a preset; advice comes while typing.
        page.get_by_role("link", name="Add your first provider").click()
        page.get_by_role("link", name="Generic SMTP").click()
        page.get_by_label("Provider Name").fill("Local")
        page.get_by_label("Host").fill("127.0.0.1")
        page.get_by_label("From Email").fill("noreply@acme.example")
        expect(page.locator("#advice")).to_contain_text("looks like spam")
        page.get_by_label("From Email").fill("hello@acme.example")
        expect(page.locator("#advice")).not_to_contain_text("looks like spam")
        page.get_by_label("None").check()
        page.get_by_label("Port").fill(str(willing.port))
        page.get_by_label("Username").fill("u")
        page.get_by_label("Password", exact=True).fill("wrong")

        # It fails with the reason and a hint; the password is put right; it works; it is saved.
        page.get_by_role("button", name="Test Connection").click()
        expect(page.locator("#test")).to_contain_text("Wrong username or password")
        expect(page.locator("#test")).to_contain_text("Next:")
        expect(page.locator("#test .bad")).to_contain_text("535")
        page.get_by_label("Password", exact=True).fill("right")
        page.get_by_role("button", name="Test Connection").click()
        expect(page.locator("#test")).to_contain_text("✅ Connection successful")
        expect(page.locator("#test .stages")).to_contain_text("AUTH PLAIN LOGIN")
        assert "right" not in page.locator("#test").inner_html()
        page.get_by_role("button", name="Save").click()
        page.wait_for_url("**/smtp/1")
        assert "right" not in page.content().replace("right:", "")

        # A key with lines to copy, a message, and its story going on by itself.
        screen.go("/")
        expect(page.locator("#first-steps .done")).to_have_count(3)
        page.get_by_role("link", name="Make a key").click()
        page.get_by_label("Name").first.fill("shop")
        page.get_by_role("button", name="Make a key").click()
        expect(page.locator("main")).to_contain_text("/api/emails")
        screen.go("/")
        page.get_by_role("link", name="Send one").click()
        page.get_by_role("button", name="Send", exact=True).click()
        page.wait_for_url("**/logs/*")
        expect(page.locator("#story .state")).to_contain_text("accepted")
        expect(page.locator("#story")).to_contain_text("250 2.0.0")
        # Other installations use this server too, and tell of their alerts.
        arrived = b"".join(taken.data for taken in willing.taken)
        for subject in (b"Subject: SendDock test through Local", b"Subject: Hello from SendDock"):
            assert arrived.count(subject) == 1, subject
        page.get_by_role("link", name="Overview").click()
        expect(page.locator("main")).to_contain_text("Accepted by provider")
        assert screen.complaints == []
        context.close()
