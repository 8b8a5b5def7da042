"""The rows, one aggregate a file. Importing this package knows every table."""

from senddock.models.access import ApiKey, IdempotencyRecord, OneTimeToken, User, UserSession
from senddock.models.alert import Alert
from senddock.models.attempt import Attempt
from senddock.models.base import Base
from senddock.models.database import Database, StorageUnavailable
from senddock.models.event import Event
from senddock.models.experiment import Experiment, ExperimentRecipient, ExperimentResult
from senddock.models.message import Content, Delivery, Message
from senddock.models.operation import DotMark, Setting, Suppression, Worker
from senddock.models.project import Project, Route, Stream
from senddock.models.provider import BreakerState, ConnectionTest, Incident, Provider, SlowdownState
from senddock.models.rollup import (
    BlockRollup,
    DomainBlock,
    DomainRollup,
    HourlyRollup,
    LatencyBlock,
    LatencyRollup,
    SealedBlock,
)
from senddock.models.sending_domain import SenderRecord, SendingDomain
from senddock.models.taught_rule import TaughtRule
from senddock.models.wal_sync import Unsynced
from senddock.models.webhook import WebhookDelivery, WebhookEndpoint, WebhookEvent

__all__ = [
    "Alert",
    "ApiKey",
    "Attempt",
    "Base",
    "BlockRollup",
    "BreakerState",
    "ConnectionTest",
    "Content",
    "Database",
    "Delivery",
    "DomainBlock",
    "DomainRollup",
    "DotMark",
    "Event",
    "Experiment",
    "ExperimentRecipient",
    "ExperimentResult",
    "HourlyRollup",
    "IdempotencyRecord",
    "Incident",
    "LatencyBlock",
    "LatencyRollup",
    "Message",
    "OneTimeToken",
    "Project",
    "Provider",
    "Route",
    "SealedBlock",
    "SenderRecord",
    "SendingDomain",
    "Setting",
    "SlowdownState",
    "StorageUnavailable",
    "Stream",
    "Suppression",
    "TaughtRule",
    "Unsynced",
    "User",
    "UserSession",
    "WebhookDelivery",
    "WebhookEndpoint",
    "WebhookEvent",
    "Worker",
]
