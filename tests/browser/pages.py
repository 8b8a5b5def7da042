"""Every page of the panel, from the map of addresses: a new one cannot be forgotten."""

import tempfile
from collections.abc import Iterator

from flask import Flask
from redis import Redis
from werkzeug.routing import Rule

from senddock.app import create_app
from senddock.config import Settings
from senddock.secrets.vault import Vault

#: Addresses that are no page, and why.
NO_PAGE = {
    "static": "files", "healthz": "for machines", "readyz": "for machines", "metrics.metrics": "for machines",
    "api.description.openapi": "JSON",
    "logs.attachment": "a download", "logs.html_part": "a mail in its frame", "logs.source": "a download",
    "alerts.strip": "a part of every page",
    "logs.export": "a download", "logs.tail": "rows", "logs.further": "rows", "statistics.export_csv": "a download",
    "suppressions.export": "a download",
}  # fmt: skip
#: Pages of those who are not signed in.
DOORS = {"auth.login", "auth.setup", "auth.welcome", "auth.code", "api.description.docs"}
#: What stands for the variable parts, by endpoint. ``{failed}`` and the like are messages of `tests.browser.acme`.
EXAMPLES = {
    "domains.show": ["/domains/acme.example"],
    "guides.show": ["/guides/resend"],
    "logs.show": ["/logs/{failed}", "/logs/{several}", "/logs/{uncertain}"],
    "routing.experiment": ["/routing/experiments/1"],
    "routing.edit": ["/routing/streams/1"],
    "smtp.edit": ["/smtp/2", "/smtp/3"],
    "smtp.confirm_delete": ["/smtp/2/delete"],
    "smtp.show_test": ["/smtp/tests/{test}"],
    "webhooks.show": ["/webhooks/1"],
    "webhooks.confirm_remove": ["/webhooks/1/remove"],
}
#: The same pages in further states.
MORE = [
    "/?span=30d", "/logs?state=failed", "/logs?text=nobody-has-this", "/smtp/new?preset=ses", "/jump?q=log",
    "/guides/explain?line=550+5.7.1+Relaying+denied", "/statistics?span=7d", "/suppressions?q=nobody",
    "/routing/simulate?from=hello@acme.example&to=bo@example.org&stream=1&size=1000", "/nowhere",
]  # fmt: skip


def _rules() -> Iterator[Rule]:
    with tempfile.TemporaryDirectory() as folder:
        app: Flask = create_app(
            Settings.from_env({"SENDDOCK_DATA_DIR": folder}), vault=Vault([bytes(32)]), redis=Redis()
        )
        yield from (rule for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ()))
        app.extensions["senddock"].outbox.close()
        app.extensions["senddock"].database.close()


def _of(rules: list[Rule]) -> Iterator[str]:
    for rule in rules:
        if rule.arguments:
            assert rule.endpoint in EXAMPLES, f"{rule} is new: give it an example in tests/browser/pages.py"
            yield from EXAMPLES[rule.endpoint]
        else:
            yield str(rule)


_PAGES = [rule for rule in _rules() if rule.endpoint not in NO_PAGE and not rule.endpoint.startswith("api.keyed.")]
#: For somebody who is signed in, and for everybody.
PANEL = sorted([*_of([rule for rule in _PAGES if rule.endpoint not in DOORS]), *MORE])
OPEN = sorted(_of([rule for rule in _PAGES if rule.endpoint in DOORS]))
