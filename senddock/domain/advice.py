"""What an experienced operator would say about a provider's settings before the first message is sent."""

import ipaddress
from dataclasses import dataclass

#: Mailbox providers' domains: nobody but they can sign mail for them, so DMARC fails everywhere else.
PUBLIC_DOMAINS = {
    "gmail.com": "gmail.com", "googlemail.com": "gmail.com", "yahoo.com": "yahoo.com", "ymail.com": "yahoo.com",
    "outlook.com": "office365.com", "hotmail.com": "office365.com", "live.com": "office365.com",
    "msn.com": "office365.com", "aol.com": "aol.com", "icloud.com": "mail.me.com", "me.com": "mail.me.com",
    "mac.com": "mail.me.com", "gmx.com": "gmx", "gmx.de": "gmx", "gmx.net": "gmx", "web.de": "web.de",
    "yandex.com": "yandex", "yandex.ru": "yandex", "mail.ru": "mail.ru", "proton.me": "proton",
    "protonmail.com": "proton", "zoho.com": "zoho", "fastmail.com": "fastmail",
}  # fmt: skip
_NO_REPLY = ("noreply", "no-reply", "no_reply", "donotreply", "do-not-reply", "do_not_reply")


@dataclass(frozen=True, slots=True)
class Advice:
    """One remark. ``level`` is ``error`` (must not be saved), ``warn`` or ``info``."""

    level: str
    field: str
    text: str


def is_private_host(host: str) -> bool:
    """True for this machine and addresses of private networks, where mail may travel unencrypted."""
    name = host.strip("[]").lower()
    if name in ("localhost", "localhost.localdomain") or name.endswith((".localhost", ".local", ".internal", ".lan")):
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        # A name without a dot is one of this network (a container, for instance).
        return "." not in name
    return address.is_private or address.is_loopback


def connection_advice(host: str, port: int, encryption: str, *, plain_confirmed: bool = False) -> list[Advice]:
    """About port and encryption, as the user documentation has them."""
    found = []
    if port in (465, 2465) and encryption == "starttls":
        found.append(
            Advice(
                "warn", "encryption", f"Port {port} expects SSL from the first byte. Choose SSL, or port 587 for TLS."
            )
        )
    if port in (587, 2525, 2587) and encryption == "ssl":
        found.append(
            Advice(
                "warn", "encryption", f"Port {port} starts unencrypted and upgrades: choose TLS, or port 465 for SSL."
            )
        )
    if port == 25:
        found.append(Advice("warn", "port", "Port 25 is usually blocked by hosting providers. Use 587 or 465 instead."))
    if encryption == "none" and not is_private_host(host):
        if plain_confirmed:
            found.append(Advice("warn", "encryption", "User name, password and mail travel readable for everybody."))
        else:
            found.append(
                Advice(
                    "error",
                    "encryption",
                    "None is only for local development or testing: choose TLS or SSL, or confirm that password and "
                    "mail may travel readable for everybody.",
                )
            )
    return found


def from_advice(email: str, from_name: str | None, host: str = "") -> list[Advice]:
    """About the From address and name, as the user documentation has them."""
    found = []
    local, _, domain = email.lower().rpartition("@")
    keeper = PUBLIC_DOMAINS.get(domain)
    if keeper and keeper not in host.lower():
        found.append(
            Advice(
                "error",
                "from_email",
                f"{domain} is a public mailbox domain that you cannot verify: use your own domain, such as "
                "hello@myapp.com.",
            )
        )
    if local.replace(".", "") in _NO_REPLY or local.startswith(_NO_REPLY):
        found.append(
            Advice("warn", "from_email", "noreply looks like spam. Use hello@, team@ or notifications@ instead.")
        )
    name = (from_name or "").strip()
    if not name:
        found.append(Advice("warn", "from_name", "Without a name people see only the address. Try “MyApp Team”."))
    elif name.lower() in ("no reply", "noreply", "do not reply", "donotreply"):
        found.append(Advice("warn", "from_name", "“No Reply” is impersonal. Try “John from MyApp” or “MyApp Team”."))
    elif name.lower() == email.lower():
        found.append(Advice("warn", "from_name", "The name repeats the address. Try “MyApp Notifications”."))
    return found
