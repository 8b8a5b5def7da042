"""An installation that a company has worked with for a while: every page has something to show. By the panel's own forms."""

import contextlib
import http.cookiejar
import re
import sqlite3
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.house import Installation, until
from tests.smtp_server import Fault, ScriptedSMTP, closed_port, reply, reset, stall

EMAIL, PASSWORD = "ana@acme.example", "a long enough sentence"
#: What receivers find when they look the domain up.
ZONE = {
    "acme.example": ["TXT v=spf1 include:amazonses.com ~all", "MX 10 mx.acme.example"],
    "amazonses.com": ["TXT v=spf1 ip4:199.255.192.0/22 -all"],
    "_dmarc.acme.example": ["TXT v=DMARC1; p=none; rua=mailto:dmarc@acme.example"],
    "resend._domainkey.acme.example": [
        "TXT v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDZPZlqMJDy0uCnfLlVrCRj8XbCeyPXkvfAc5MdWYkzRJg4"
    ],
}
_ORDINARY = [
    ("ana", "Reset your password"), ("bo", "Invoice 1042 for your order"), ("cy", "Welcome to Acme"),
    ("dora", "Your order is on its way"), ("eli", "A new sign-in to your account from Firefox on Linux"),
    ("fay.a-rather-long-name", "Your receipt"), ("gus", "Confirm your address"), ("hana", "Minutes of Tuesday"),
]  # fmt: skip


class Operator:
    """A signed-in person who fills forms in without a browser."""

    def __init__(self, house: Installation) -> None:
        self._base = f"http://127.0.0.1:{house.port}"
        cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self._opener = urllib.request.build_opener(cookies)
        self.fill("/login", email=EMAIL, password=PASSWORD)

    def read(self, path: str) -> str:
        """The text of a page."""
        with self._opener.open(self._base + path, timeout=20) as answer:
            return str(answer.read().decode())

    def fill(self, path: str, form: str | None = None, **fields: Any) -> str:
        """Send a form from the page ``form`` to ``path``; answers the page that follows."""
        token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', self.read(form or path))
        assert token, path
        body = urllib.parse.urlencode({**fields, "csrf_token": token.group(1)}, doseq=True).encode()
        try:
            with self._opener.open(self._base + path, body, timeout=20) as answer:
                return str(answer.read().decode())
        except urllib.error.HTTPError as error:
            with error:
                raise AssertionError(f"{path}: {error.code}\n{error.read().decode()}") from error


@dataclass
class Acme:
    """What was made, for tests and pictures to speak of."""

    house: Installation
    token: str
    #: Ids of messages by what became of them, and of one connection test.
    messages: dict[str, str]


def _by_sender(address: str) -> Fault | None:
    """SES has trouble with billing's mail, refuses the promotions, and hangs up on the ledger after the dot."""
    return {
        "billing@acme.example": reply("451 4.3.0 Temporary service failure, please try again later"),
        "slow@acme.example": stall(),
    }.get(address)


def _by_recipient(address: str) -> Fault | None:
    return {
        "gone@example.org": reply("550 5.1.1 <gone@example.org>: no such user here"),
        "full@example.org": reply("452 4.2.2 Mailbox full"),
        "grey@example.org": reply("451 4.7.1 Greylisted, please come back in five minutes"),
    }.get(address)


def _at_the_dot(address: str) -> Fault | None:
    return {
        "promo@acme.example": reply("554 5.7.1 Message rejected as spam by content scanning"),
        "ledger@acme.example": reset(),
    }.get(address)


@contextlib.contextmanager
def providers_of_acme() -> Iterator[dict[str, ScriptedSMTP]]:
    """The servers behind the providers."""
    ses = ScriptedSMTP(
        {"mail": _by_sender, "rcpt": _by_recipient, "final_dot": _at_the_dot}, users={"AKIAX": "ses"}, size=10_000_000
    )
    resend = ScriptedSMTP(
        {"rcpt": _by_recipient, "final_dot": _at_the_dot}, users={"resend": "re_right"}, size=40_000_000
    )
    hostinger = ScriptedSMTP(users={"hello@acme.example": "right"})
    mailgun = ScriptedSMTP(
        {"mail": reply("550 5.7.1 Account suspended: contact support")}, users={"postmaster@acme.example": "mg"}
    )
    made = {"ses": ses, "resend": resend, "hostinger": hostinger, "mailgun": mailgun}
    try:
        yield made
    finally:
        for server in made.values():
            server.stop()


def settle_in(house: Installation, servers: dict[str, ScriptedSMTP], *, account: bool = True) -> Acme:
    """Fill a started installation by its forms and its API."""
    if account:
        done = house.run("user", "create", "--email", EMAIL, "--password-stdin", stdin=PASSWORD + "\n")
        assert done.returncode == 0, done.stderr
    ana = Operator(house)
    _providers(ana, servers)
    made = ana.fill("/keys", name="shop", scope="full")
    token = re.search(r'id="token">([^<]+)<', made)
    assert token, made
    ana.fill("/keys", name="newsletter", scope="sending", streams="marketing", from_domains="acme.example")
    acme = Acme(house, token.group(1), {})
    ana.fill("/suppressions", address="angry@example.org", comment="asked by telephone", project="1")
    _mail(acme)
    _the_rest(ana, acme)
    _age_passwords(house)
    return acme


def _providers(ana: Operator, servers: dict[str, ScriptedSMTP]) -> None:
    common = {"host": "127.0.0.1", "encryption": "none", "from_name": "Acme", "from_email": "hello@acme.example"}
    rows = [
        ("AWS SES Production", "ses", "ses", "AKIAX", "ses", {"per_day": 50_000, "per_second": 14}),
        ("Resend backup", "resend", "resend", "resend", "re_right", {"per_day": 100, "per_month": 3000}),
        ("Hostinger", "hostinger", "hostinger", "hello@acme.example", "wrong", {"per_day": 1000, "from_policy": "own"}),
        ("Mailgun EU", "mailgun", "mailgun", "postmaster@acme.example", "mg", {}),
        ("Office relay", "generic", "", "", "", {"from_policy": "rewrite"}),
    ]
    for priority, (name, preset, server, username, password, more) in enumerate(rows, 1):
        port = servers[server].port if server else closed_port()
        enabled = {"enabled": "y"} if server else {}
        ana.fill(
            "/smtp/new", name=name, preset=preset, port=port, username=username, password=password,
            priority=priority, transactional_reserve=10, **{"from_policy": "any", **common, **enabled, **more},
        )  # fmt: skip


def send(acme: Acme, to: str, subject: str, **fields: Any) -> str:
    """Hand one message over by the API."""
    body = {
        "from": "Acme <hello@acme.example>", "to": to, "subject": subject,
        "html": f"<h1>{subject}</h1><p>This is a message from <a href='https://acme.example'>Acme</a>.</p>",
        "text": f"{subject}\n\nThis is a message from Acme.\n", **fields,
    }  # fmt: skip
    status, answer = acme.house.post("/api/emails", body, acme.token)
    assert status == 200, answer
    return str(answer["id"])


def _mail(acme: Acme) -> None:
    for name, subject in _ORDINARY:
        send(acme, f"{name}@example.org", subject)
    kinds = {
        "fallback": send(acme, "bo@example.org", "Invoice 1043", **{"from": "Acme Billing <billing@acme.example>"}),
        "failed": send(acme, "gone@example.org", "Your trial ends tomorrow"),
        "deferred": send(acme, "full@example.org", "June news from Acme, with a subject that is rather long"),
        "greylisted": send(acme, "grey@example.org", "Welcome to Acme"),
        "rejected": send(acme, "cy@example.org", "50 % off everything!!!", **{"from": "promo@acme.example"}),
        "uncertain": send(acme, "dora@example.org", "Statement of account", **{"from": "ledger@acme.example"}),
        "suppressed": send(acme, "angry@example.org", "We miss you"),
        "scheduled": send(acme, "eli@example.org", "Happy birthday", scheduled_at="in 3 days"),
        "several": send(
            acme, "Team <team@example.org>", "Minutes of Tuesday", cc=["bo@example.org", "full@example.org"],
            attachments=[{"filename": "minutes.txt", "content": "aGVsbG8="}], tags=[{"name": "kind", "value": "minutes"}],
        ),
    }  # fmt: skip
    acme.messages = kinds
    canceled = send(acme, "fay@example.org", "Your weekly report", scheduled_at="in 1 day")
    status, answer = acme.house.post(f"/api/emails/{canceled}/cancel", {}, acme.token)
    assert status == 200, answer
    acme.messages["canceled"] = canceled
    waiting = [one for kind, one in kinds.items() if kind != "scheduled"]
    until(lambda: not any(_state(acme, one) in ("queued", "sending") for one in waiting), 30, acme.house.log.read_text)


def _state(acme: Acme, message_id: str) -> str:
    return str(acme.house.get(f"/api/emails/{message_id}", acme.token)[1]["last_event"])


def _the_rest(ana: Operator, acme: Acme) -> None:
    # Mail that names a provider waits with it: two refused passwords, and an account that its provider has stopped.
    for provider, subject in (("3", "Through Hostinger"), ("3", "Through Hostinger again"), ("4", "Through Mailgun")):
        ana.fill(
            "/send", to="hana@example.org", subject=subject, text="Hello", stream="transactional", provider=provider
        )
    ana.fill("/domains", name="acme.example")
    ana.fill("/webhooks", url=f"http://127.0.0.1:{closed_port()}/hooks", private_network="y")
    ana.fill("/webhooks/1/test", form="/webhooks/1")
    ana.fill("/rules", form="/rules/new", pattern="mailbox full", verdict_class="recipient_transient", preset="")
    ana.fill("/routing/streams", form="/routing", name="receipts", kind="transactional")
    ana.fill(
        "/routing/experiments", name="SES or Resend for receipts", stream="3", metric="not_accepted", days=14, minimum=500,
        **{"share-1": 50, "share-2": 50},
    )  # fmt: skip
    ana.fill("/users", email="bob@acme.example")
    tested = ana.fill("/smtp/2/test", form="/smtp")
    found = re.search(r'/smtp/tests/([^"/]+)', tested)
    assert found, tested
    acme.messages["test"] = found.group(1)
    until(lambda: "Connection successful" in ana.read(f"/smtp/tests/{found.group(1)}"), 20, acme.house.log.read_text)
    Operator(acme.house)


def _age_passwords(house: Installation) -> None:
    """A password of last winter: nothing but time makes one."""
    with contextlib.closing(sqlite3.connect(next(Path(house.data).glob("*.db")), timeout=20)) as database, database:
        database.execute(
            "UPDATE provider SET password_set_at = datetime(password_set_at, '-112 days') WHERE name = 'Resend backup'"
        )
