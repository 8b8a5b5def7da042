"""How long a newcomer takes from a fresh clone to a logged test mail: `python -m bench.first_run [FOLDER OR ADDRESS TO CLONE]`.

Clones the repository, runs `make run` with an empty data folder, opens the printed link in Chromium and does what the pages
say: account, provider (an SMTP server on loopback), test, key, test message. Text is typed at 200 ms a key, and every page is
looked at for three seconds before anything is done on it.
"""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

from tests.e2e.house import until
from tests.smtp_server import ScriptedSMTP

#: Milliseconds a key takes (60 words a minute), and milliseconds a page is read.
KEY, READ = 200, 3000


class Newcomer:
    """Somebody who reads and types."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def read(self) -> None:
        """Look at the page before acting."""
        self.page.wait_for_timeout(READ)

    def type(self, label: str, text: str) -> None:
        """Empty a field and type into it."""
        field = self.page.get_by_label(label, exact=True)
        field.click()
        field.fill("")
        field.press_sequentially(text, delay=KEY)

    def press(self, role: str, name: str) -> None:
        """Click a link or a button."""
        self.page.get_by_role(role, name=name, exact=True).first.click()  # type: ignore[arg-type]


def walk(page: Page, link: str, server: ScriptedSMTP) -> None:
    """From the link to the logged message, by nothing but what the pages offer."""
    ana = Newcomer(page)
    page.goto(link)
    ana.read()
    ana.type("E-mail", "ana@acme.example")
    ana.type("Password", "a long enough sentence")
    ana.type("Password again", "a long enough sentence")
    ana.press("button", "Create account")
    ana.read()
    ana.press("link", "Add your first provider")
    ana.read()
    page.get_by_role("link", name="Generic SMTP").click()
    ana.read()
    ana.type("Provider Name", "Our server")
    ana.type("Host", "127.0.0.1")
    ana.type("Port", str(server.port))
    page.get_by_label("None").check()
    ana.type("Username", "u")
    page.locator("#password").press_sequentially("right", delay=KEY)
    ana.type("From Email", "hello@acme.example")
    ana.type("From Name", "Acme")
    ana.press("button", "Test Connection")
    expect(page.locator("#test")).to_contain_text("Connection successful")
    ana.read()
    ana.press("button", "Save")
    ana.read()
    ana.press("link", "Overview")
    ana.read()
    ana.press("link", "Make a key")
    ana.read()
    ana.type("Name", "shop")
    ana.press("button", "Make a key")
    ana.read()
    ana.press("link", "Send a test message")
    ana.read()
    ana.press("button", "Send")
    expect(page.locator("#story .state").first).to_contain_text("accepted")


def main() -> None:
    """Print the seconds of each part."""
    source = sys.argv[1] if len(sys.argv) > 1 else str(Path(__file__).resolve().parents[1])
    expect.set_options(timeout=60_000)
    with tempfile.TemporaryDirectory(prefix="sdn", dir="/tmp") as folder:
        began = time.monotonic()
        subprocess.run(["git", "clone", "-q", source, f"{folder}/senddock"], check=True)
        environ = {key: value for key, value in os.environ.items() if not key.startswith("SENDDOCK_")}
        with socket.create_server(("127.0.0.1", 0)) as web, socket.create_server(("127.0.0.1", 0)) as door:
            binds = {"SENDDOCK_WEB_BIND": web.getsockname(), "SENDDOCK_SMTP_BIND": door.getsockname()}
        environ |= {"HOME": folder, **{name: f"{host}:{port}" for name, (host, port) in binds.items()}}
        log = Path(folder) / "up.log"
        server = ScriptedSMTP(users={"u": "right"})
        with log.open("wb") as out:
            house = subprocess.Popen(
                ["make", "run"], cwd=f"{folder}/senddock", env=environ, stdout=out, stderr=out, start_new_session=True
            )
        try:
            until(lambda: "/setup?token=" in log.read_text(), 300, log.read_text)
            shown = time.monotonic()
            found = re.search(r"http://\S+/setup\?token=\S+", log.read_text())
            assert found
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
                page = browser.new_page(viewport={"width": 1280, "height": 860})
                page.set_default_timeout(60_000)
                opened = time.monotonic()
                walk(page, found.group(0), server)
                done = time.monotonic()
                browser.close()
            print(f"clone and `make run` until the link is printed: {shown - began:.0f} s")
            print(f"from the link to the logged test mail: {done - opened:.0f} s")
        finally:
            os.killpg(house.pid, signal.SIGTERM)
            house.wait(40)
            server.stop()


if __name__ == "__main__":
    main()
