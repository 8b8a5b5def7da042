"""The parts of a guide that are made from the catalogue, as Markdown: numbers in guides have this one source."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from senddock.domain.catalogue.entry import Confidence, Entry, Plan

_NOT_CONFIRMED = " *(not confirmed)*"
_DIFFICULTY = {"easy": "★ Easy", "medium": "★★ Medium", "complex": "★★★ Complex"}
_UNITS = {"per_second": "second", "per_minute": "minute", "per_hour": "hour", "per_day": "day", "per_month": "month"}


def card(entry: Entry) -> str:
    """Difficulty, cost and what it is best for."""
    cost = _marked(entry.cost, entry.cost_confidence) if entry.cost else "see its price page"
    return f"**Difficulty:** {_DIFFICULTY[entry.difficulty]} · **Cost:** {cost} · **Best for:** {entry.best_for}"


def settings(entry: Entry) -> str:
    """What to type into the form, and the other ports and regions."""
    server = entry.server
    encryption = "SSL" if server.encryption == "ssl" else "TLS"
    rows = [
        ("Provider Name", f"anything you recognise, such as “{entry.name} Production”"),
        ("Host", f"`{server.host}`" if server.host else "the server your host names"),
        ("Port", f"`{server.port}`"),
        ("Encryption", encryption),
        (
            "Username",
            f"`{entry.username.value}` (the same for everybody)" if entry.username.value else entry.username.text,
        ),
        ("Password", entry.password.text),
        ("From Email", "an address that this provider may send for"),
    ]
    text = _table(("Field", "Value"), rows)
    others = [
        f"`{one.port}` {'SSL' if one.encryption == 'ssl' else 'TLS'}{_mark(one.confidence)}"
        for one in server.ports
        if one.port != server.port
    ]
    if others:
        text += f"\n\nOther ports: {', '.join(others)}."
    if server.not_offered:
        text += f" Not offered: {', '.join(f'`{port}`' for port in server.not_offered)}."
    if server.host_template:
        regions = ", ".join(f"`{one.region}`{_mark(one.confidence)}" for one in server.hosts)
        text += f"\n\nThe host is `{server.host_template}`. Regions: {regions}."
    elif len(server.hosts) > 1:
        hosts = [(f"`{one.host}`", one.region + _mark(one.confidence)) for one in server.hosts]
        text += "\n\n" + _table(("Host", "For"), hosts)
    if entry.username.pattern is not None or entry.password.looks:
        text += f"\n\nHow to know the password: it {entry.password.looks}." if entry.password.looks else ""
        text += _mark(entry.password.confidence) if entry.password.looks else ""
    return text


def records(entry: Entry) -> str:
    """The DNS records that the provider asks for."""
    dns = entry.dns
    rows: list[tuple[str, ...]] = []
    sure = Confidence(dns["confidence"])
    spf, dkim, path = dns.get("spf") or {}, dns.get("dkim") or {}, dns.get("return_path") or {}
    if spf.get("record") and spf.get("location") == "apex":
        rows.append(("TXT", "`@`", f"`{spf['record']}`{_mark(_part(spf, sure))}"))
    for record in dkim.get("records", ()):
        kind = "CNAME" if str(dkim.get("type", "")).startswith("CNAME") else "TXT"
        rows.append((kind, f"`{record['name']}`", f"`{record['value']}`{_mark(_part(dkim, sure))}"))
    for record in path.get("records", ()):
        value = f"{record['priority']} {record['value']}" if "priority" in record else record["value"]
        rows.append((record["type"], f"`{record['name']}`", f"`{value}`{_mark(_part(path, sure))}"))
    rows.append(("TXT", "`_dmarc`", "`v=DMARC1; p=none; rua=mailto:dmarc@example.com` to begin with"))
    text = _table(("Type", "Name", "Value"), rows)
    text += "\n\nWhat stands in `<…>` is yours: the provider shows it. "
    if not sure.confirmed:
        text += "**These records were not read at the provider: its own page wins.** "
    told = [part for part in (dns["verification"], dns["dmarc"]) if not _says_nothing(part)]
    return text + ("\n\n" + " ".join(told) if told else "")


def limits(entry: Entry) -> str:
    """What each plan allows, and what fits into a message."""
    rows = [(plan.name, _amounts(plan), _remarks(plan)) for plan in entry.plans]
    text = _table(("Plan", "Limit", "Remarks"), rows)
    size = entry.size
    facts = []
    if size.max_message_bytes:
        facts.append(f"a message may have {size.max_message_bytes / 1048576:.0f} MB{_mark(size.message_confidence)}")
    if size.recipients_per_message:
        facts.append(f"{size.recipients_per_message:,} recipients a message{_mark(size.confidence)}")
    if size.max_connections and size.max_connections <= 100:
        facts.append(f"{size.max_connections} connections at once{_mark(size.confidence)}")
    if size.messages_per_connection:
        facts.append(f"{size.messages_per_connection:,} messages a connection{_mark(size.confidence)}")
    text += f"\n\nBesides: {', '.join(facts)}." if facts else ""
    if entry.plan.limits() and entry.plan.confidence.confirmed:
        told = f"The card fills in the limits of “{entry.plan.name}”: change them when your plan is another one."
    else:
        told = "The card fills in no limit here: set the one that your plan states."
    return f"{text}\n\n{told} SendDock stays below what stands there."


def sandbox(entry: Entry) -> str:
    """What a new account may not do yet."""
    if _says_nothing(entry.sandbox.text):
        return "No special rules for new accounts are known here."
    return _marked(entry.sandbox.text, entry.sandbox.confidence)


def notes(entry: Entry) -> str:
    """What is worth knowing besides."""
    lines = [f"- {note}" for note in entry.notes]
    if not _says_nothing(entry.message_id.text):
        lines.append(f"- Message ids: {_marked(entry.message_id.text, entry.message_id.confidence)}")
    if entry.idempotency is not None:
        lines.append(
            f"- `{entry.idempotency.header}`: a repeated submission within {entry.idempotency.window_hours} hours is "
            "sent once, so an answer that got lost may be asked for again."
        )
    for header in entry.headers:
        if entry.idempotency is None or header.name != entry.idempotency.header:
            lines.append(f"- Header `{header.name}`: {header.purpose}{_mark(header.confidence)}")
    return "\n".join(lines)


SECTIONS: Mapping[str, Callable[[Entry], str]] = {
    "card": card,
    "settings": settings,
    "records": records,
    "limits": limits,
    "sandbox": sandbox,
    "notes": notes,
}


def _amounts(plan: Plan) -> str:
    amounts = [f"{value:,} a {_UNITS[name]}" for name, value in plan.limits().items()]
    return (", ".join(amounts) or "–") + _mark(plan.confidence)


def _remarks(plan: Plan) -> str:
    parts = [plan.note] if plan.note else []
    if plan.counts == "recipients":
        parts.append("Counts recipients.")
    if plan.window == "rolling":
        parts.append("The day is the last 24 hours.")
    elif plan.window:
        parts.append(f"The day: {plan.window}.")
    if plan.source.startswith("https://"):
        parts.append(f"[Source]({plan.source})")
    return " ".join(parts) or "–"


def _part(part: Mapping[str, Any], whole: Confidence) -> Confidence:
    return Confidence(part["confidence"]) if part.get("confidence") in set(Confidence) else whole


def _mark(confidence: Confidence) -> str:
    return "" if confidence.confirmed else _NOT_CONFIRMED


def _marked(text: str, confidence: Confidence) -> str:
    return text if confidence.confirmed or "not confirmed" in text or _says_nothing(text) else text + _NOT_CONFIRMED


def _says_nothing(text: str) -> bool:
    return text.startswith(("None", "Nothing", "Not known"))


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(re.sub(r"\|", "\\|", cell) for cell in line) + " |" for line in lines)
