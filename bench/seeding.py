"""A log as an installation has it after a busy season, written by SQL inside the database: a million messages in a minute.

Five providers, three streams, every class of answer, a queue, an address that gets a tenth of all mail, a year of statistics
by hour and by day. Works on SQLite and on PostgreSQL.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, text

from senddock.models import Database

_SERIES = {
    "sqlite": "(WITH RECURSIVE s(n) AS (SELECT {a} UNION ALL SELECT n + 1 FROM s WHERE n < {b} - 1) SELECT n FROM s) AS {name}",
    "postgresql": "generate_series({a}, {b} - 1) AS {name}(n)",
}
#: Ids that begin with their millisecond, as those of the outbox do (UUIDv7).
_ID = {
    "sqlite": "printf('%08x-%04x-7%03x-8000-%012x', {ms} / 65536, {ms} % 65536, s.n % 4096, s.n)",
    "postgresql": "(lpad(to_hex({ms} / 65536), 8, '0') || '-' || lpad(to_hex({ms} % 65536), 4, '0') || '-7' || "
    "lpad(to_hex(s.n % 4096), 3, '0') || '-8000-' || lpad(to_hex(s.n), 12, '0'))::uuid",
}
_AT = {
    "sqlite": "(strftime('%Y-%m-%d %H:%M:%f', ({ms}) / 1000.0, 'unixepoch') || '000')",
    "postgresql": "to_timestamp(({ms}) / 1000.0)",
}
#: Scattered like those that applications make up themselves.
_SCATTERED = {
    "sqlite": "printf('%08x%08x', s.n * 2654435761 % 4294967296, s.n * 40503 % 4294967296)",
    "postgresql": "lpad(to_hex(s.n * 2654435761 % 4294967296), 8, '0') || lpad(to_hex(s.n * CAST(40503 AS BIGINT) % 4294967296), 8, '0')",
}
_RECIPIENT = "CASE WHEN s.n % 10 = 4 THEN 'ops@busy.example' ELSE 'user' || s.n || '@example.org' END"
_CLASS = (
    "CASE WHEN s.n % 100 = 3 THEN 'recipient_permanent' WHEN s.n % 1000 = 7 THEN 'uncertain' WHEN s.n % 200 = 5 THEN "
    "'recipient_transient' WHEN s.n % 20000 = 11 THEN 'greylisted' ELSE 'accepted' END"
)
#: As in `_CLASS`; the newest are still in the queue.
_STATE = (
    "CASE WHEN s.n >= {queue} THEN 'queued' WHEN s.n % 100 = 3 THEN 'failed' WHEN s.n % 1000 = 7 THEN 'uncertain' "
    "WHEN s.n % 200 = 5 AND s.n > {recent} THEN 'deferred' ELSE 'accepted' END"
)
_CLASSES = ("accepted", "recipient_permanent", "recipient_transient", "connection", "quota_exceeded", "uncertain")
_BUCKETS = (75, 100, 150, 200, 300, 500, 750, 1000)
_CHUNK = 250_000


@dataclass(frozen=True, slots=True)
class Season:
    """How much there is: ``messages`` over ``days``, of which 1 in ``queue_share`` waits; statistics over ``year`` days."""

    messages: int
    begin: datetime
    days: int = 90
    queue_share: int = 50
    year: int = 365
    domains: int = 60

    @property
    def step(self) -> int:
        """Milliseconds between two messages."""
        return self.days * 86_400_000 // self.messages

    @property
    def queue(self) -> int:
        """Number of the first message that waits."""
        return self.messages - self.messages // self.queue_share

    def id(self, number: int) -> str:
        """The id of the message with this number."""
        moment = int(self.begin.timestamp() * 1000) + number * self.step
        return f"{moment // 65536:08x}-{moment % 65536:04x}-7{number % 4096:03x}-8000-{number:012x}"

    def samples(self) -> dict[str, str]:
        """Values for the parameters of pages and filters."""
        middle = self.messages // 2 + 1
        return {
            "message_id": self.id(middle),
            "newest": self.id(self.messages - 1),
            "recipient": f"user{middle}@example.org",
            "busy_recipient": "ops@busy.example",
            "header_message_id": f"<{middle * 2654435761 % 2**32:08x}{middle * 40503 % 2**32:08x}@app.example.com>",
            "rare_word": f"no. {middle} for",
            "since": f"{self.begin + timedelta(days=self.days / 3):%Y-%m-%dT%H:%M}",
            "until": f"{self.begin + timedelta(days=self.days / 2):%Y-%m-%dT%H:%M}",
        }


def season(messages: int, now: datetime | None = None, **more: int) -> Season:
    """One that ends just now."""
    days = more.pop("days", 90)
    return Season(messages, (now or datetime.now(UTC)) - timedelta(days=days), days, **more)


def seed(database: Database, season: Season) -> None:
    """Fill a database at the current schema; it has one project with two streams already."""
    with database.transaction() as connection:
        if database.is_sqlite:
            connection.exec_driver_sql("PRAGMA cache_size=-600000")
        _sides(connection, season)
    for start in range(0, season.messages, _CHUNK):
        with database.transaction() as connection:
            _messages(connection, season, start, min(start + _CHUNK, season.messages))
    with database.transaction() as connection:
        _statistics(connection, season)


def _run(connection: Connection, season: Season, statement: str, start: int, end: int) -> None:
    kind = connection.dialect.name
    ms = f"({int(season.begin.timestamp() * 1000)} + s.n * {season.step})"
    filled = statement.replace("{id}", _ID[kind]).replace("{scattered}", _SCATTERED[kind]).replace("{at}", _AT[kind])
    for name, value in (
        ("{recipient}", _RECIPIENT),
        ("{class}", _CLASS),
        ("{state}", _STATE),
        ("{queue}", str(season.queue)),
        ("{recent}", str(season.messages * 9 // 10)),
        ("{ms}", ms),
    ):
        filled = filled.replace(name, value)
    series = _SERIES[kind].format(a=start, b=end, name="s")
    _execute(connection, f"{filled} FROM {series}")


def _execute(connection: Connection, statement: str) -> None:
    doubled = connection.dialect.name == "postgresql"
    connection.exec_driver_sql(statement.replace("%", "%%") if doubled else statement)


def _messages(connection: Connection, season: Season, start: int, end: int) -> None:
    gone = "s.n < {queue}"
    for statement in (
        (
            "INSERT INTO message (id, project_id, stream_id, created_at, via, api_key_id, sender, from_domain, from_header,"
            " to_header, recipient_count, subject, header_message_id, size, needs_8bit, needs_smtputf8, state, due_at, fence,"
            " attempts, rounds, provider_id, failed_over, last_class, last_code, finished_at) SELECT {id}, 1, 1 + s.n % 3, {at},"
            " 'api', 1, 'us@example.com', 'example.com', 'Acme Billing <billing@example.com>', {recipient}, 1,"
            " 'Invoice no. ' || s.n || ' for your order of this month', '<' || {scattered} || '@app.example.com>', 2000, FALSE,"
            f" FALSE, {{state}}, CASE WHEN s.n % 200 = 5 AND s.n > {{recent}} OR NOT {gone} THEN {{at}} END, 1,"
            f" CASE WHEN {gone} THEN 1 ELSE 0 END,"
            f" CASE WHEN NOT {gone} THEN 0 WHEN s.n % 200 = 5 THEN 2 ELSE 1 END,"
            f" CASE WHEN {gone} THEN 1 + s.n % 4 END, s.n % 20 = 1 AND {gone}, CASE WHEN {gone} THEN {{class}} END,"
            f" CASE WHEN {gone} THEN 250 END, CASE WHEN {gone} THEN {{at}} END"
        ),
        (
            "INSERT INTO delivery (message_id, recipient, status, tries, verdict_class, code, enhanced, text, finished_at)"
            f" SELECT {{id}}, {{recipient}}, {{state}}, 1, CASE WHEN {gone} THEN {{class}} END, 250, '2.0.0', 'Ok: queued as 4F1',"
            f" CASE WHEN {gone} THEN {{at}} END"
        ),
        "INSERT INTO event (message_id, kind, at, data) SELECT {id}, 'submitted', {at}, '{\"via\": \"api\"}'",
    ):
        _run(connection, season, statement, start, end)
    _run(
        connection,
        season,
        "INSERT INTO attempt (message_id, number, provider_id, provider_name, started_at, dot_at, finished_at, duration_ms,"
        " recipients, stage, verdict_class, code, enhanced, text, fail_over, plan, detail) SELECT {id}, 1, 1 + s.n % 4,"
        " 'Provider', {at}, {at}, {at}, 20 + s.n % 200, 1, 'final_dot', {class}, 250, '2.0.0', 'Ok: queued as 4F1', FALSE,"
        " '{}', '{}'",
        start,
        min(end, season.queue),
    )


def _sides(connection: Connection, season: Season) -> None:
    connection.execute(
        text(
            "INSERT INTO stream (project_id, name, kind, on_uncertain, retry_first_seconds, retry_longest_seconds,"
            " max_age_seconds, patience_seconds, created_at) SELECT 1, 'receipts', kind, on_uncertain, retry_first_seconds,"
            " retry_longest_seconds, max_age_seconds, patience_seconds, created_at FROM stream WHERE id = 1"
        )
    )
    few, many = max(2, season.messages // 1000), max(10, season.messages // 5)
    suppressions = (
        "INSERT INTO suppression (project_id, address, origin, created_at) SELECT 1, 'user' || s.n || '@gone.example',"
        " CASE WHEN s.n % 9 = 0 THEN 'complaint' ELSE 'bounce' END, {at}"
    )
    alerts = (
        "INSERT INTO alert (key, kind, severity, title, text, link, opened_at, closed_at) SELECT 'provider:' || s.n, 'breaker',"
        " 'warn', 'Provider: no answer', 'Connection refused', '', {at}, CASE WHEN s.n % 500 <> 0 THEN {at} END"
    )
    incidents = (
        "INSERT INTO incident (provider_id, domain, opened_at, closed_at, verdict_class, text) SELECT 1 + s.n % 4, '', {at},"
        " {at}, 'connection', 'Connection refused'"
    )
    webhooks = (
        "INSERT INTO webhook_delivery (endpoint_id, event_id, event_type, payload, state, tries, next_at, created_at,"
        " finished_at, log) SELECT 1, 'msg_' || s.n, 'email.sent', '{}', CASE WHEN s.n % 200 = 0 THEN 'pending' ELSE"
        " 'delivered' END, 1, CASE WHEN s.n % 200 = 0 THEN {at} END, {at}, {at}, '[]'"
    )
    for statement, count in ((suppressions, many), (webhooks, many // 2), (alerts, few * 5), (incidents, few)):
        _run(connection, season, statement, 0, count)


def _statistics(connection: Connection, season: Season) -> None:
    kind = connection.dialect.name
    hours, days = season.year * 24, season.year
    now = season.begin + timedelta(days=season.days)
    this_hour = int(now.timestamp()) // 3600 * 3_600_000
    today = int(now.timestamp()) // 86400 * 86_400_000

    def series(name: str, end: int, start: int = 0) -> str:
        return _SERIES[kind].format(a=start, b=end, name=name)

    def words(name: str, values: tuple[object, ...]) -> str:
        cells = ", ".join(f"('{value}')" if isinstance(value, str) else f"({value})" for value in values)
        return f"(VALUES {cells}) AS {name}" + ("(column1)" if kind == "postgresql" else "")

    hour = _AT[kind].format(ms=f"{this_hour} - h.n * CAST(3600000 AS BIGINT)")
    day = _AT[kind].format(ms=f"{today} - d.n * CAST(86400000 AS BIGINT)")
    both = f"{series('p', 6, 1)}, {series('s', 4, 1)}"
    classes, buckets = words("c", _CLASSES), words("b", _BUCKETS)
    for statement in (
        (
            "INSERT INTO rollup_hour (hour, stream_id, provider_id, verdict_class, recipients, attempts, failed_over,"
            f" duration_ms) SELECT {hour}, s.n, p.n, c.column1, 1000, 1000, 1, 150000.0 FROM {series('h', hours)}, {both}, {classes}"
        ),
        (
            "INSERT INTO rollup_latency (hour, stream_id, provider_id, bucket, attempts)"
            f" SELECT {hour}, s.n, p.n, b.column1, 125 FROM {series('h', hours)}, {both}, {buckets}"
        ),
        (
            "INSERT INTO rollup_domain (day, stream_id, provider_id, domain, verdict_class, recipients)"
            f" SELECT {day}, s.n, p.n, 'd' || o.n || '.example', c.column1, 400 - o.n FROM {series('d', days)}, {both},"
            f" {series('o', season.domains)}, {words('c', _CLASSES[:2])}"
        ),
    ):
        _execute(connection, statement)
