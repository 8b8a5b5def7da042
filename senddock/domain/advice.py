"""What an experienced operator would say about a provider's settings before the first message is sent."""

import ipaddress
from dataclasses import dataclass

from senddock.domain.senders import from_remarks


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
    """About the From address and name of the provider at ``host``, as the user documentation has them."""
    return [Advice(item.level, item.field, item.text) for item in from_remarks(email, from_name, [host])]
