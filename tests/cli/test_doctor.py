"""`senddock doctor` finds what a newcomer could get wrong, and says what to do next."""

import json
import socket
from pathlib import Path

from tests.cli.conftest import Run


def _found(done: str) -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = {}
    for item in json.loads(done):
        found.setdefault(item["check"], []).append(item)
    return found


def test_a_new_house_is_told_what_is_missing(run: Run) -> None:
    done = run("doctor", "--json")
    assert done.returncode == 1, "nothing can be sent yet"
    found = _found(done.stdout)
    assert {name: rows[0]["state"] for name, rows in found.items()} == {
        "data folder": "ok", "disk space": "ok", "database": "ok", "master key": "ok", "clock": "ok", "redis": "ok",
        "ports": "ok", "workers": "warn", "people": "warn", "keys": "warn", "providers": "fail",
    }  # fmt: skip
    assert "senddock provider add" in found["providers"][0]["next"]
    shown = run("doctor").stdout
    assert "✕ providers" in shown
    assert "→ senddock key create" in shown


def test_a_finished_house_is_well(run: Run) -> None:
    run(
        "provider",
        "add",
        "--name",
        "x",
        "--host",
        "127.0.0.1",
        "--port",
        "9",
        "--encryption",
        "none",
        "--from-email",
        "a@b.de",
    )
    run("key", "create", "--name", "shop")
    run("user", "create", "--email", "me@example.com", "--password-stdin", stdin="a long password\n")
    done = run("doctor", "--json")
    assert done.returncode == 0, done.stdout
    assert {row["state"] for rows in _found(done.stdout).values() for row in rows} == {"ok", "warn"}, "no worker runs"
    reach = _found(run("doctor", "--reach", "--json").stdout)["reach"][0]
    assert (reach["state"], "587" in reach["next"]) == ("fail", True)


def test_it_finds_open_folders_taken_ports_and_bad_certificates(run: Run, tmp_path: Path) -> None:
    run("status")
    (tmp_path / "data").chmod(0o755)
    bad = tmp_path / "bad.pem"
    bad.write_text("no certificate")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = run(
            "doctor", "--json", SENDDOCK_WEB_BIND=f"127.0.0.1:{taken.getsockname()[1]}",
            SENDDOCK_TLS_CERT=str(bad), SENDDOCK_TLS_KEY=str(bad), SENDDOCK_REDIS_URL="redis://127.0.0.1:1/0",
        )  # fmt: skip
    found = _found(done.stdout)
    states = {name: found[name][0]["state"] for name in ("data folder", "ports", "certificate", "redis")}
    assert states == {"data folder": "warn", "ports": "warn", "certificate": "fail", "redis": "fail"}


def test_a_key_that_lost_its_database_is_named(run: Run, tmp_path: Path) -> None:
    run("status")
    run("provider", "list")
    assert run("doctor", "--json").returncode == 1
    (tmp_path / "data" / "master.key").unlink()
    found = _found(run("doctor", "--json").stdout)
    assert found["master key"][0]["state"] == "fail"
    assert found["database"][0]["state"] == "ok"
