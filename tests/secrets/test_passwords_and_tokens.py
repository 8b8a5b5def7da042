"""Passwords of people, and tokens of applications."""

import pytest

from senddock.secrets.master_key import MasterKeyError, load_or_create
from senddock.secrets.passwords import hash_password, verify_password
from senddock.secrets.tokens import new_token, shown_prefix, token_hash


def test_a_password_is_recognised_and_another_is_not() -> None:
    stored = hash_password("a long enough sentence")
    assert stored.startswith("$argon2id$")
    assert verify_password(stored, "a long enough sentence")
    assert not verify_password(stored, "a long enough sentencE")
    assert not verify_password(None, "nobody has this password")
    assert not verify_password("not a hash", "x")


def test_a_short_password_is_refused() -> None:
    with pytest.raises(ValueError, match="10 characters"):
        hash_password("short")


def test_tokens_are_random_and_only_their_beginning_is_shown() -> None:
    token = new_token()
    assert token.startswith("sd_")
    assert token != new_token()
    assert len(token_hash(token)) == 64
    assert len(shown_prefix(token)) == 10


def test_the_master_key_is_made_once_for_its_owner_only(tmp_path) -> None:  # type: ignore[no-untyped-def]
    first = load_or_create(tmp_path, None)
    assert load_or_create(tmp_path, None) == first
    file = tmp_path / "master.key"
    assert file.stat().st_mode & 0o777 == 0o600
    file.chmod(0o644)
    with pytest.raises(MasterKeyError, match="chmod 600"):
        load_or_create(tmp_path, None)


@pytest.mark.parametrize("text", ["x", "AAAA", "A" * 43 + "=", "c2hvcnQ="])
def test_a_weak_master_key_is_refused_by_name(tmp_path, text: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(MasterKeyError, match="SENDDOCK_MASTER_KEY"):
        load_or_create(tmp_path, text)
