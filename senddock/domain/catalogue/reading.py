"""Reads ``providers.toml``. A file that does not fit its form raises ``KeyError``, ``ValueError`` or ``re.error``."""

import re
from collections.abc import Mapping
from typing import Any

from senddock.domain.catalogue.entry import (
    Confidence,
    Entry,
    Header,
    Host,
    Idempotency,
    MessageId,
    Password,
    Plan,
    Port,
    Remark,
    Server,
    Sign,
    Size,
    Username,
    UsernameKind,
)

_Table = Mapping[str, Any]


def entry_from(data: _Table) -> Entry:
    """One entry from its table."""
    return Entry(
        key=data["key"],
        guide=data["guide"],
        name=data["name"],
        category=data["category"],
        difficulty=data["difficulty"],
        documented=data["documented"],
        cost=data.get("cost"),
        cost_confidence=_sure(data.get("cost_confidence")),
        best_for=data["best_for"],
        notes=tuple(data.get("notes", ())),
        server=_server(data["smtp"]),
        username=_username(data["username"]),
        password=_password(data["password"]),
        signs=tuple(_sign(one) for one in data.get("sign", ())),
        dns=data["dns"],
        plans=tuple(_plan(one) for one in data["plan"]),
        size=_size(data["size"]),
        sandbox=Remark(data["sandbox"]["text"], _sure(data["sandbox"].get("confidence"))),
        message_id=_message_id(data["message_id"]),
        idempotency=_idempotency(data.get("idempotency")),
        headers=tuple(Header(one["name"], one["purpose"], _sure(one["confidence"])) for one in data.get("header", ())),
    )


def _sure(word: str | None, otherwise: Confidence = Confidence.LOW) -> Confidence:
    return Confidence(word) if word else otherwise


def _pattern(data: _Table) -> re.Pattern[str] | None:
    return re.compile(data["pattern"]) if "pattern" in data else None


def _server(data: _Table) -> Server:
    whole = Confidence(data["confidence"])
    return Server(
        host=data["host"],
        port=data["port"],
        encryption=data["encryption"],
        hosts=tuple(
            Host(one["host"], one.get("region", ""), _sure(one.get("confidence"), whole))
            for one in data.get("hosts", ())
        ),
        ports=tuple(Port(one["port"], one["encryption"], _sure(one.get("confidence"), whole)) for one in data["ports"]),
        not_offered=tuple(data.get("not_offered", ())),
        auth=tuple(data.get("auth", ())),
        host_template=data.get("host_template"),
        confidence=whole,
        sources=tuple(data.get("sources", ())),
    )


def _username(data: _Table) -> Username:
    return Username(
        UsernameKind(data["kind"]),
        data.get("value", ""),
        data["text"],
        _pattern(data),
        _sure(data.get("pattern_confidence")),
    )


def _password(data: _Table) -> Password:
    return Password(data["text"], _pattern(data), data.get("looks", ""), _sure(data.get("pattern_confidence")))


def _sign(data: _Table) -> Sign:
    return Sign(
        re.compile(data["pattern"]), data["what"], data["fits"], data.get("advice", ""), _sure(data["confidence"])
    )


def _plan(data: _Table) -> Plan:
    return Plan(
        key=data["key"],
        name=data["name"],
        per_second=data.get("per_second"),
        per_minute=data.get("per_minute"),
        per_hour=data.get("per_hour"),
        per_day=data.get("per_day"),
        per_month=data.get("per_month"),
        counts=data.get("counts", "messages"),
        window=data.get("window", ""),
        note=data.get("note", ""),
        source=data.get("source", ""),
        confidence=Confidence(data["confidence"]),
    )


def _size(data: _Table) -> Size:
    whole = Confidence(data["confidence"])
    unsure = "max_message_bytes" in data.get("unconfirmed", ())
    return Size(
        data.get("max_message_bytes"),
        data.get("recipients_per_message"),
        data.get("max_connections"),
        data.get("messages_per_connection"),
        whole,
        Confidence.MEMORY if unsure else whole,
    )


def _message_id(data: _Table) -> MessageId:
    return MessageId(data["text"], data.get("rewrites"), _pattern(data), _sure(data.get("confidence")))


def _idempotency(data: _Table | None) -> Idempotency | None:
    if data is None:
        return None
    return Idempotency(data["header"], data["window_hours"], Confidence(data["confidence"]))
