"""Every address of the panel that answers GET, taken from the map of addresses: a new page cannot be forgotten.

Used by `bench.panel` and by the tests that look at what every page asks of the database.
"""

from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from werkzeug.routing import Map

#: Not pages: files, the API, what needs no account, and words for machines that ask nothing of the database.
_LEFT_OUT = ("/static/", "/api/", "/login", "/setup", "/welcome", "/language", "/healthz", "/readyz")


class NoSample(LookupError):
    """An address has a parameter that nobody has given a value for."""


def pages(addresses: Map, samples: Mapping[str, str]) -> Sequence[str]:
    """One address a rule; ``samples`` gives parameters by ``endpoint.name`` or ``name``. Raises `NoSample`."""
    adapter = addresses.bind("localhost")
    found = []
    for rule in sorted(addresses.iter_rules(), key=lambda rule: rule.rule):
        if "GET" not in (rule.methods or ()) or rule.rule.startswith(_LEFT_OUT):
            continue
        values = {}
        for name in sorted(rule.arguments):
            value = samples.get(f"{rule.endpoint}.{name}", samples.get(name))
            if value is None:
                raise NoSample(f"{rule.rule} needs a sample for {name!r}")
            values[name] = int(value) if value.isdigit() else value
        found.append(adapter.build(rule.endpoint, values))
    return found


def log_filters(samples: Mapping[str, str]) -> Sequence[str]:
    """Every filter of the log, alone and together, near and far back, with much, little and nothing that fits."""
    middle, newest, begin, end = (samples[name] for name in ("message_id", "newest", "since", "until"))
    queries: list[dict[str, str]] = [
        *({"state": state} for state in ("accepted", "failed", "deferred", "uncertain", "queued", "canceled", "scheduled")),
        {"provider": "2"}, {"provider": "5"}, {"stream": "2"}, {"stream": "99"}, {"key": "1"}, {"key": "99"},
        {"verdict": "accepted"}, {"verdict": "recipient_permanent"}, {"verdict": "greylisted"}, {"verdict": "tls"},
        {"fallback": "1"}, {"soft_bounce": "1"}, {"delayed": "1"},
        {"text": samples["recipient"]}, {"text": samples["busy_recipient"]}, {"text": "nobody@nowhere.example"},
        {"text": samples["header_message_id"]}, {"text": "<nothing@nowhere.example>"}, {"text": middle},
        {"text": "Invoice"}, {"text": samples["rare_word"]}, {"text": "no such words"},
        {"since": begin, "until": end}, {"until": begin}, {"since": begin},
        {"provider": "2", "state": "failed"}, {"provider": "5", "state": "failed"}, {"provider": "2", "stream": "2"},
        {"provider": "99", "state": "accepted"}, {"state": "failed", "text": "no such words"},
        {"text": samples["busy_recipient"], "state": "canceled"}, {"text": samples["busy_recipient"], "provider": "5"},
        {"verdict": "accepted", "state": "failed"}, {"fallback": "1", "verdict": "tls"},
        {"since": begin, "until": end, "text": "no such words"}, {"since": begin, "until": end, "provider": "99"},
        {"since": begin, "until": end, "state": "uncertain"},
    ]  # fmt: skip
    places: list[dict[str, str]] = [{}, {"before": middle}, {"after": middle}]
    found = [f"/logs?{urlencode({**query, **place})}" for query in [{}, *queries] for place in places]
    tails: list[dict[str, str]] = [
        {},
        {"text": "no such words"},
        {"provider": "99"},
        {"verdict": "tls"},
        {"state": "canceled"},
    ]
    found += [f"/logs/new?{urlencode({**query, 'than': than})}" for query in tails for than in (newest, middle, "")]
    return found


def other_views(samples: Mapping[str, str]) -> Sequence[str]:
    """What pages show when they are asked for more than by their bare address."""
    return [
        "/?span=7d", "/?span=30d", "/?all=1",
        *(f"/statistics?span={span}{more}" for span in ("24h", "7d", "30d") for more in ("", "&provider=2", "&stream=1")),
        "/statistics?span=30d&provider=2&stream=1",
        f"/jump?q={samples['recipient']}", f"/jump?q={samples['busy_recipient']}", "/jump?q=invoice",
        f"/jump?q={samples['message_id']}", "/suppressions?q=user5", "/suppressions?q=nobody-here", "/suppressions?before=1000",
        "/smtp/new?preset=ses", f"/logs/{samples['message_id']}?remote=1",
    ]  # fmt: skip
