"""The panel in Debian's Chromium, against a whole installation with real processes."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.browser.acme import EMAIL, PASSWORD, ZONE, Acme, providers_of_acme, settle_in
from tests.dns_server import DnsServer
from tests.e2e.house import Installation, installation, until
from tests.smtp_server import ScriptedSMTP, closed_port, reply

_AXE = Path(__file__).parents[1] / "clients" / "node" / "node_modules" / "axe-core" / "axe.min.js"
#: Milliseconds a thing may take to appear; the machine may be busy with the rest of the suite.
_PATIENCE = 60_000
expect.set_options(timeout=_PATIENCE)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        yield made
        made.close()


@pytest.fixture(scope="session")
def willing() -> Iterator[ScriptedSMTP]:
    """A provider that accepts everything but mail to gone@ and strict@."""
    refused = {"gone": reply("550 5.1.1 No such user"), "strict": reply("554 5.7.1 Message rejected as spam")}
    server = ScriptedSMTP({"rcpt": lambda to: refused.get(to.partition("@")[0])}, users={"u": "right"})
    yield server
    server.stop()


@pytest.fixture(scope="session")
def house(willing: ScriptedSMTP) -> Iterator[Installation]:
    """An installation with an account, three providers, a key and some mail."""
    with installation() as made:
        made.start()
        done = made.run("user", "create", "--email", EMAIL, "--password-stdin", stdin=PASSWORD + "\n")
        assert done.returncode == 0, done.stderr
        made.provider("AWS SES Production", closed_port(), 1, from_name="Acme")
        made.provider("Resend backup", willing.port, 2, from_name="Acme", username="u", password="right", per_day="50")
        made.provider("Hostinger", willing.port, 3, from_name="Acme", username="u", password="right")
        made.token = made.json("key", "create", "--name", "shop")["token"]  # type: ignore[attr-defined]
        for to in ("bo@example.org", "gone@example.org"):
            send(made, to, f"To {to}")
        until(lambda: made.status()["queue"]["queued"] == 0, 60, made.log.read_text)
        yield made


@pytest.fixture(scope="session")
def acme() -> Iterator[Acme]:
    """An installation where every page has something to show."""
    names = DnsServer(ZONE)
    with providers_of_acme() as servers, installation({"SENDDOCK_DNS_SERVERS": names.servers[0]}) as house:
        house.start()
        yield settle_in(house, servers)
    names.close()


def send(house: Installation, to: str, subject: str) -> str:
    """Hand one message over by the API."""
    body = {"from": "Acme <us@example.com>", "to": to, "subject": subject, "html": "<h1>Hello</h1>"}
    status, answer = house.post("/api/emails", body, house.token)  # type: ignore[attr-defined]
    assert status == 200, answer
    return str(answer["id"])


class Screen:
    """A page, and everything it complained about."""

    def __init__(self, page: Page, base: str) -> None:
        self.page = page
        self.base = base
        self.complaints: list[str] = []
        page.set_default_timeout(_PATIENCE)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda line: self._hear(line.text) if line.type == "error" else None)

    def _hear(self, text: str) -> None:
        # A request that was under way when the page was left is cut off, and htmx says so; an answer that is none is told
        # otherwise ("htmx:responseError").
        if not text.startswith("htmx:afterRequest, "):
            self.complaints.append(text)

    def go(self, path: str) -> Page:
        self.page.goto(self.base + path)
        return self.page

    def faults(self, **options: Any) -> list[str]:
        """What axe-core finds serious or critical. It comes in by the protocol, so the policy stays strict."""
        self.page.evaluate(_AXE.read_text())
        asked = {"resultTypes": ["violations"], "rules": {"target-size": {"enabled": True}}, **options}
        found = self.page.evaluate("options => axe.run(document, options)", asked)
        return [
            f"{one['id']}: {node['target']} {node['failureSummary']}"
            for one in found["violations"]
            if one["impact"] in ("serious", "critical")
            for node in one["nodes"]
        ]


def signed_in(browser: Browser, house: Installation) -> list[Any]:
    """Cookies of a browser in which Ana has signed in."""
    context = browser.new_context()
    page = context.new_page()
    page.set_default_timeout(_PATIENCE)
    page.goto(f"http://127.0.0.1:{house.port}/login")
    page.get_by_label("E-mail").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/")
    kept: list[Any] = context.cookies()
    context.close()
    return kept


@pytest.fixture(scope="module")
def cookies(browser: Browser, house: Installation) -> list[Any]:
    """Signed in once."""
    return signed_in(browser, house)


@pytest.fixture
def opened(browser: Browser, house: Installation, cookies: list[Any]) -> Iterator[Callable[..., Screen]]:
    """Opens a signed-in page with the given context options; what it complained about fails the test."""
    contexts: list[BrowserContext] = []
    screens: list[Screen] = []

    def make(**options: Any) -> Screen:
        context = browser.new_context(reduced_motion="reduce", **options)
        context.add_cookies(cookies)
        contexts.append(context)
        screens.append(Screen(context.new_page(), f"http://127.0.0.1:{house.port}"))
        return screens[-1]

    yield make
    for context in contexts:
        context.close()
    assert [line for screen in screens for line in screen.complaints] == []


@pytest.fixture
def screen(opened: Callable[..., Screen]) -> Screen:
    """A page on a desktop."""
    return opened(viewport={"width": 1280, "height": 860})
