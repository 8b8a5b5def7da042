"""Pictures of the panel from real data: `make screenshots`. Starts an installation of its own and stops it again."""

import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.e2e.house import Installation, installation, until
from tests.smtp_server import ScriptedSMTP, closed_port, reply, reset

HERE = Path(__file__).resolve().parent
SIZES = {"desktop": (1280, 860), "phone": (390, 844)}


def main() -> None:
    """Fill an installation with mail and take the pictures."""
    servers = [ScriptedSMTP(users={"resend": "re_secret"}), ScriptedSMTP({"reply": [None, None, reset()]})]
    try:
        with installation() as house, sync_playwright() as playwright:
            house.start()
            browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": 1280, "height": 860}, reduced_motion="reduce")
            page.set_default_timeout(8000)
            _first_run(house, page)
            _fill(house, servers)
            _pictures(house, page)
            browser.close()
    finally:
        for server in servers:
            server.stop()


def _first_run(house: Installation, page: Page) -> None:
    link = next(word for word in house.log.read_text().split() if "/setup?token=" in word)
    page.goto(link)
    _shoot(page, "setup")
    page.get_by_label("E-mail").fill("ana@acme.example")
    page.get_by_label("Password", exact=True).fill("a long enough sentence")
    page.get_by_label("Password again").fill("a long enough sentence")
    page.get_by_role("button", name="Create account").click()
    page.wait_for_url("**/")
    _shoot(page, "first-run")


def _fill(house: Installation, servers: list[ScriptedSMTP]) -> None:
    house.provider("AWS SES Production", closed_port(), 1, from_name="Acme", username="AKIA", password="secret")
    house.provider("Resend backup", servers[0].port, 2, from_name="Acme", username="resend", password="re_secret")
    house.provider("Hostinger", servers[1].port, 3, per_day="1000")
    token = house.json("key", "create", "--name", "shop")["token"]
    servers[0].script["rcpt"] = lambda to: reply("550 5.1.1 No such user") if to.startswith("gone") else None
    people = ["ana", "bo", "cy", "gone", "dora", "eli", "fay", "gus", "hana", "ivo"]
    subjects = ["Reset your password", "Invoice 1042", "Welcome to Acme", "Your order is on its way"]
    for number in range(24):
        body = {
            "from": "Acme <hello@acme.example>",
            "to": f"{people[number % len(people)]}@example.org",
            "subject": subjects[number % len(subjects)],
            "html": "<h1>Hello</h1><p>This is a message from <a href='https://acme.example'>Acme</a>.</p>",
        }
        assert house.post("/api/emails", body, token)[0] == 200
    until(lambda: house.status()["queue"]["queued"] == 0, 20, house.log.read_text)


def _pictures(house: Installation, page: Page) -> None:
    base = f"http://127.0.0.1:{house.port}"
    messages = house.json("messages", "list", "--limit", "100")
    failed_over = next(row["id"] for row in messages[::-1] if row["attempts"] > 1)
    for name, path in {
        "overview": "/",
        "smtp-settings": "/smtp",
        "add-provider": "/smtp/new?preset=resend",
        "logs": "/logs",
        "message": f"/logs/{failed_over}",
        "keys": "/keys",
        "send": "/send",
    }.items():
        page.goto(base + path)
        _shoot(page, name)
    page.goto(base + "/smtp/2")
    page.get_by_label("Send the test message to").fill("ana@example.org")
    page.get_by_role("button", name="Test Connection").click()
    page.get_by_text("Connection successful").wait_for()
    _shoot(page, "test-connection")
    page.goto(base + "/smtp/1")
    page.get_by_role("button", name="Test Connection").click()
    page.get_by_text("Next:").wait_for()
    _shoot(page, "test-failed")


def _shoot(page: Page, name: str) -> None:
    for size, (width, height) in SIZES.items():
        page.set_viewport_size({"width": width, "height": height})
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            page.screenshot(path=HERE / f"{name}-{size}-{scheme}.png", full_page=True)
    page.set_viewport_size({"width": 1280, "height": 860})
    page.emulate_media(color_scheme="light")


if __name__ == "__main__":
    main()
