"""Signatures are verified by the libraries that receivers use, in Python and in Node, and by nobody with a false one."""

import json
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import resend
import standardwebhooks
import svix

from senddock.webhooks.signature import headers, new_secret

_NODE = Path(__file__).parent.parent / "clients" / "node"
BODY = '{"type":"email.sent","data":{"subject":"Grüße 🎉","to":["a@example.org"]}}'
SECRET, OTHER = new_secret(), new_secret()


def _only(values: dict[str, str], family: str) -> dict[str, str]:
    return {name: value for name, value in values.items() if name.startswith(family)}


def _resend(secret: str, body: str, signed: dict[str, str]) -> None:
    resend.Webhooks.verify(
        {
            "payload": body,
            "headers": {name: signed[f"svix-{name}"] for name in ("id", "timestamp", "signature")},
            "webhook_secret": secret,
        }
    )


PYTHON: dict[str, Callable[[str, str, dict[str, str]], object]] = {
    "standardwebhooks": lambda secret, body, signed: standardwebhooks.Webhook(secret).verify(
        body, _only(signed, "webhook-")
    ),
    "svix": lambda secret, body, signed: svix.Webhook(secret).verify(body, _only(signed, "svix-")),
    "svix with webhook-*": lambda secret, body, signed: svix.Webhook(secret).verify(body, _only(signed, "webhook-")),
    "resend": _resend,
}


def _cases() -> list[tuple[str, dict[str, Any], bool]]:
    now = int(time.time())
    good = headers([SECRET], "msg_1", now, BODY)
    rotating = headers([OTHER, SECRET], "msg_1", now, BODY)
    old = headers([SECRET], "msg_1", now - 600, BODY)
    swapped = {name: "msg_2" if name.endswith("-id") else value for name, value in good.items()}
    return [
        ("valid", {"secret": SECRET, "body": BODY, "headers": good}, True),
        ("signed with the new secret and the old one", {"secret": SECRET, "body": BODY, "headers": rotating}, True),
        ("the new secret of a rotation", {"secret": OTHER, "body": BODY, "headers": rotating}, True),
        ("tampered", {"secret": SECRET, "body": BODY.replace("sent", "lost"), "headers": good}, False),
        ("ten minutes old", {"secret": SECRET, "body": BODY, "headers": old}, False),
        ("wrong secret", {"secret": OTHER, "body": BODY, "headers": good}, False),
        ("another event's id", {"secret": SECRET, "body": BODY, "headers": swapped}, False),
    ]


@pytest.mark.parametrize("library", PYTHON)
def test_python_libraries_agree(library: str) -> None:
    verdicts = {}
    for name, case, _ in _cases():
        try:
            PYTHON[library](case["secret"], case["body"], case["headers"])
            verdicts[name] = True
        except Exception:
            verdicts[name] = False
    assert verdicts == {name: valid for name, _, valid in _cases()}


def test_node_libraries_agree() -> None:
    node = shutil.which("node")
    assert node, "node is one of the suite's packages: see .ci/system-packages"
    cases = _cases()
    done = subprocess.run(
        [node, str(_NODE / "verify_webhooks.mjs")],
        input=json.dumps([case for _, case, _ in cases]),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    answers = json.loads(done.stdout)
    found = {name: set(answer.values()) for (name, _, _), answer in zip(cases, answers, strict=True)}
    assert found == {name: {valid} for name, _, valid in cases}
    assert len(answers[0]) == 4


def test_a_secret_is_long_enough_and_never_the_same() -> None:
    assert new_secret() != new_secret()
    assert new_secret().startswith("whsec_")
    with pytest.raises(ValueError, match=r"[Bb]ase64|padding"):
        headers(["whsec_%%%"], "msg_1", 1, BODY)
