"""What the views work with."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import current_app

from senddock.dispatch.outbox import Outbox
from senddock.dispatch.sender_advice import SenderAdvice
from senddock.dispatch.wake import Waker
from senddock.models import Database
from senddock.secrets.vault import Vault

if TYPE_CHECKING:
    from redis import Redis


@dataclass(frozen=True, slots=True)
class Services:
    """Made by `create_app`."""

    database: Database
    vault: Vault
    redis: "Redis"
    outbox: Outbox
    waker: Waker
    advice: SenderAdvice
    public_url: str | None
    smtp_bind: tuple[str, int]
    metrics_token: str | None = None


def services() -> Services:
    """Those of this app."""
    found: Services = current_app.extensions["senddock"]
    return found
