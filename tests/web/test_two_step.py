"""Two-step sign-in: set up from the page, asked for at the door, each code good once."""

import re
from datetime import UTC, datetime
from typing import Any

import pyotp
import pytest
from flask import Flask

from senddock.dispatch import accounts, second_factor
from senddock.models import Database, User
from senddock.secrets.second_factor import matching_step
from senddock.secrets.vault import Vault
from tests.web.conftest import EMAIL, PASSWORD, Panel


def _turn_on(panel: Panel) -> tuple[str, list[str]]:
    page = panel.get("/account/two-step").text
    secret = re.search(r"<code[^>]*>([A-Z2-7]{32})</code>", page)
    sealed = re.search(r'name="sealed"[^>]*value="([^"]+)"', page)
    assert secret, page
    assert sealed, page
    done = panel.post(
        "/account/two-step",
        {"sealed": sealed.group(1), "code": pyotp.TOTP(secret.group(1)).now()},
        form="/account",
    )
    assert done.status_code == 200, done.text
    return secret.group(1), re.findall(r"<li><code>([a-z0-9-]{14})</code>", done.text)


def _password_step(visitor: Panel) -> Any:
    return visitor.post("/login?next=/logs", {"email": EMAIL, "password": PASSWORD})


def test_it_is_turned_on_with_a_code_and_shows_ten_recovery_codes(panel: Panel, sqlite: Database) -> None:
    _secret, codes = _turn_on(panel)
    assert len(set(codes)) == 10
    assert "codes" in panel.get("/account").text
    with sqlite.read() as session:
        user = session.get(User, 1)
    assert user is not None
    assert user.totp_sealed is not None
    assert _secret not in user.totp_sealed
    assert not set(codes) & set(user.recovery_hashes)


def test_a_wrong_first_code_turns_nothing_on_and_keeps_the_same_qr_code(panel: Panel, sqlite: Database) -> None:
    page = panel.get("/account/two-step").text
    sealed = re.search(r'name="sealed"[^>]*value="([^"]+)"', page)
    assert sealed
    answer = panel.post("/account/two-step", {"sealed": sealed.group(1), "code": "000000"}, form="/account")
    assert answer.status_code == 422
    assert "does not fit" in answer.text
    assert re.findall(r"[A-Z2-7]{32}", answer.text)[0] in page
    assert not second_factor.accept(sqlite, panel.app.extensions["senddock"].vault, 1, "000000")


def test_the_password_alone_opens_nothing(panel: Panel, app: Flask) -> None:
    _turn_on(panel)
    visitor = Panel(app)
    assert "/login/code" in _password_step(visitor).headers["Location"]
    assert visitor.get("/logs").status_code == 303
    wrong = visitor.post("/login/code?next=/logs", {"code": "123456"}, form="/login/code")
    assert wrong.status_code == 422
    assert visitor.get("/logs").status_code == 303


def test_a_recovery_code_signs_in_once(panel: Panel, app: Flask) -> None:
    _secret, codes = _turn_on(panel)
    for expected in (303, 422):
        visitor = Panel(app)
        _password_step(visitor)
        answer = visitor.post("/login/code?next=/logs", {"code": f" {codes[0].upper()} "}, form="/login/code")
        assert answer.status_code == expected
    assert visitor.get("/logs").status_code == 303


def test_the_code_that_was_used_does_not_work_again(panel: Panel, app: Flask) -> None:
    secret, _codes = _turn_on(panel)
    visitor = Panel(app)
    _password_step(visitor)
    # The code that turned it on is that of this time step or of the one before.
    used = visitor.post("/login/code", {"code": pyotp.TOTP(secret).at(_step_used(app) * 30)}, form="/login/code")
    assert used.status_code == 422
    assert "used already" in used.text


def test_guesses_at_the_code_are_slowed_down(panel: Panel, app: Flask) -> None:
    _turn_on(panel)
    visitor = Panel(app)
    _password_step(visitor)
    codes = [visitor.post("/login/code", {"code": f"{n:06}"}, form="/login/code").status_code for n in range(10)]
    assert codes[-1] == 429


@pytest.mark.parametrize(("shift", "fits"), [(-60, False), (-30, True), (0, True), (30, True), (60, False)])
def test_a_phone_may_be_half_a_minute_off(shift: int, fits: bool) -> None:
    secret, now = pyotp.random_base32(), datetime(2026, 5, 4, 12, 0, 15, tzinfo=UTC)
    code = pyotp.TOTP(secret).at(int(now.timestamp()) + shift)
    assert (matching_step(secret, code, now=now, after=None) is not None) is fits


def test_the_vector_of_rfc_6238_appendix_b() -> None:
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    assert matching_step(secret, "287082", now=datetime.fromtimestamp(59, UTC), after=None) == 1
    assert matching_step(secret, "287082", now=datetime.fromtimestamp(59, UTC), after=1) is None


def test_the_secret_is_sealed_for_its_own_row(database: Database, vault: Vault) -> None:
    ana = accounts.create_user(database, EMAIL, PASSWORD)
    bob = accounts.create_user(database, "bob@acme.example", PASSWORD)
    secret = pyotp.random_base32()
    codes = second_factor.turn_on(database, vault, ana.id, secret, pyotp.TOTP(secret).now())
    with database.write() as session:
        one, other = session.get(User, ana.id), session.get(User, bob.id)
        assert one is not None
        assert other is not None
        other.totp_sealed = one.totp_sealed
    with pytest.raises(Exception, match="another row"):
        second_factor.accept(database, vault, bob.id, "123456")
    assert second_factor.accept(database, vault, ana.id, codes[3])
    assert not second_factor.accept(database, vault, ana.id, codes[3])


def _step_used(app: Flask) -> int:
    with app.extensions["senddock"].database.read() as session:
        user = session.get(User, 1)
    assert user is not None
    assert user.totp_step is not None
    return user.totp_step
