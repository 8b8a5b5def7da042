"""`/metrics`: Prometheus' text format, for this machine or for who has the token."""

import re

import pytest
from redis import Redis

from senddock.app import create_app
from senddock.config import Settings
from senddock.models import Database
from senddock.secrets.vault import Vault
from tests.web.conftest import Panel
from tests.web.test_statistics_page import fill

TOKEN = "a-token-long-enough-for-metrics-0123456789"
_LINE = re.compile(r'[a-z_]+(\{([a-z_]+="(\\.|[^"\\\n])*",?)*\})? -?[0-9.e+]+')


def test_every_line_is_well_formed_whatever_names_hold(visitor: Panel, sqlite: Database, vault: Vault) -> None:
    fill(sqlite, vault, name='A "quoted" \\ name')
    answer = visitor.client.get("/metrics", environ_base={"REMOTE_ADDR": "127.0.0.1"})
    assert answer.status_code == 200
    assert answer.content_type == "text/plain; version=0.0.4; charset=utf-8"
    lines = answer.text.splitlines()
    assert all(line.startswith("# ") or _LINE.fullmatch(line) for line in lines), lines
    label = 'provider_id="1",provider="A \\"quoted\\" \\\\ name"'
    assert f'senddock_recipients_total{{{label},stream="transactional",class="accepted"}} 2' in lines
    assert f'senddock_acceptance_seconds_bucket{{{label},le="0.15"}} 2' in lines
    assert f'senddock_acceptance_seconds_bucket{{{label},le="+Inf"}} 2' in lines
    assert f"senddock_acceptance_seconds_sum{{{label}}} 0.24" in lines
    assert 'senddock_queue_messages{state="queued"} 0' in lines
    assert "senddock_workers 0" in lines


@pytest.mark.parametrize(
    ("address", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("::1", {}, 200),
        ("127.0.0.1", {"X-Forwarded-For": "203.0.113.9"}, 401),
        ("203.0.113.9", {}, 401),
        ("203.0.113.9", {"Authorization": "Bearer wrong"}, 401),
        ("203.0.113.9", {"Authorization": f"Bearer {TOKEN}"}, 200),
        ("127.0.0.1", {"X-Forwarded-For": "203.0.113.9", "Authorization": f"Bearer {TOKEN}"}, 200),
    ],
)
def test_it_answers_this_machine_and_the_token_only(
    sqlite: Database, vault: Vault, redis: Redis, tmp_path: object, address: str, headers: dict[str, str], status: int
) -> None:
    settings = Settings.from_env(
        {
            "SENDDOCK_DATABASE_URL": str(sqlite.engine.url),
            "SENDDOCK_DATA_DIR": str(tmp_path),
            "SENDDOCK_METRICS_TOKEN": TOKEN,
        }
    )
    app = create_app(settings, vault=vault, redis=redis)
    answer = app.test_client().get("/metrics", headers=headers, environ_base={"REMOTE_ADDR": address})
    assert answer.status_code == status
    assert ("senddock_build_info" in answer.text) == (status == 200)
    app.extensions["senddock"].outbox.close()
    app.extensions["senddock"].database.close()


def test_without_a_token_no_token_opens_it(visitor: Panel) -> None:
    answer = visitor.client.get(
        "/metrics", headers={"Authorization": "Bearer "}, environ_base={"REMOTE_ADDR": "203.0.113.9"}
    )
    assert answer.status_code == 401
