"""Pictures of the panel from real data: `make screenshots`. Starts an installation of its own and stops it again."""

import sys
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.browser.acme import EMAIL, PASSWORD, ZONE, Acme, providers_of_acme, settle_in
from tests.dns_server import DnsServer
from tests.e2e.house import installation

HERE = Path(__file__).resolve().parent
SIZES = {"desktop": (1280, 860), "phone": (390, 844)}
#: Colours of a picture: enough for flat surfaces, text and two accents, and a fifth of the size.
COLOURS = 192
#: What is cut off below: nobody reads further in a picture.
LONGEST = 1700
#: Page, and in which variants it is shown.
PAGES = {
    "overview": ("/", "desktop-light desktop-dark phone-light"),
    "smtp-settings": ("/smtp", "desktop-light desktop-dark phone-light"),
    "add-provider": ("/smtp/new?preset=ses", "desktop-light desktop-dark"),
    "provider": ("/smtp/3", "desktop-light"),
    "logs": ("/logs", "desktop-light desktop-dark phone-light phone-dark"),
    "message-failed-over": ("/logs/{fallback}", "desktop-light"),
    "message-several": ("/logs/{several}", "desktop-dark phone-light"),
    "message-uncertain": ("/logs/{uncertain}", "desktop-light"),
    "statistics": ("/statistics", "desktop-light desktop-dark"),
    "routing": ("/routing", "desktop-light"),
    "stream": ("/routing/streams/1", "desktop-light phone-dark"),
    "simulate": ("/routing/simulate?from=hello@acme.example&to=bo@example.org&stream=1&size=1000", "desktop-light"),
    "experiment": ("/routing/experiments/1", "desktop-light"),
    "domains": ("/domains", "desktop-light"),
    "domain": ("/domains/acme.example", "desktop-light desktop-dark"),
    "send": ("/send", "desktop-light"),
    "keys": ("/keys", "desktop-light phone-dark"),
    "suppressions": ("/suppressions", "phone-light"),
    "alerts": ("/alerts", "desktop-light phone-dark"),
    "webhook": ("/webhooks/1", "desktop-light"),
    "guides": ("/guides", "desktop-light"),
    "guide": ("/guides/resend", "desktop-light"),
    "explain": ("/guides/explain?line=550+5.7.1+Relaying+denied", "desktop-light"),
    "rules": ("/rules", "desktop-light"),
    "account": ("/account", "desktop-light"),
    "settings": ("/settings", "desktop-dark"),
}


def main() -> None:
    """Fill an installation with mail and take the pictures."""
    for old in HERE.glob("*.png"):
        old.unlink()
    expect.set_options(timeout=60_000)
    names = DnsServer(ZONE)
    with (
        providers_of_acme() as servers,
        installation({"SENDDOCK_DNS_SERVERS": names.servers[0]}) as house,
        sync_playwright() as playwright,
    ):
        house.start()
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = _first_run(browser, house.log.read_text())
        acme = settle_in(house, servers, account=False)
        _pictures(acme, page)
        browser.close()
    names.close()


def _first_run(browser: Browser, printed: str) -> Page:
    page = browser.new_page(viewport={"width": 1280, "height": 860}, reduced_motion="reduce")
    page.set_default_timeout(60_000)
    page.goto(next(word for word in printed.split() if "/setup?token=" in word))
    _shoot(page, "setup", "desktop-light")
    page.get_by_label("E-mail").fill(EMAIL)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password again").fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()
    page.wait_for_url("**/")
    _shoot(page, "first-run", "desktop-light phone-light")
    return page


def _pictures(acme: Acme, page: Page) -> None:
    base = f"http://127.0.0.1:{acme.house.port}"
    for name, (path, variants) in PAGES.items():
        page.goto(base + path.format(**acme.messages))
        page.locator("iframe").evaluate_all("all => all.forEach(one => { one.loading = 'eager'; })")
        page.wait_for_load_state("networkidle" if name.startswith(("message", "statistics")) else "load")
        _shoot(page, name, variants)
    _test(page, base + "/smtp/2", "Connection successful")
    _shoot(page, "test-connection", "desktop-light desktop-dark phone-light", "#test")
    _test(page, base + "/smtp/3", "Next:")
    _shoot(page, "test-failed", "desktop-light phone-dark", "#test")
    page.goto(base + "/smtp")
    page.keyboard.press("Control+k")
    page.keyboard.type("resend")
    expect(page.locator("#places")).to_contain_text("Resend backup")
    _shoot(page, "jump", "desktop-dark")


def _test(page: Page, address: str, ends: str) -> None:
    page.goto(address)
    with page.expect_response(lambda answer: answer.url.endswith("/test")):
        page.get_by_role("button", name="Test Connection").click()
    expect(page.locator("#test:not([hx-get])")).to_contain_text(ends)


def _shoot(page: Page, name: str, variants: str, part: str | None = None) -> None:
    """The page from its top, or from a little above ``part`` to its end."""
    for variant in variants.split():
        size, scheme = variant.split("-")
        width, height = SIZES[size]
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        page.locator(f"html[data-bs-theme={scheme}]").wait_for(state="attached")
        page.evaluate("scrollTo(0, 0)")
        above = 0 if part is None else page.locator(part).evaluate("one => one.getBoundingClientRect().top - 90")
        whole = page.evaluate("document.documentElement.scrollHeight")
        top = min(above, max(0, whole - height))
        tall = max(min(whole - top, LONGEST), height)
        taken = page.screenshot(full_page=True, clip={"x": 0, "y": top, "width": width, "height": tall})
        picture = Image.open(BytesIO(taken)).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
        picture.save(HERE / f"{name}-{variant}.png", optimize=True)
    page.set_viewport_size({"width": 1280, "height": 860})
    page.emulate_media(color_scheme="light")


if __name__ == "__main__":
    main()
