"""The vault: what is sealed opens in its own place with its own key, and nowhere else."""

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from senddock.secrets.vault import SealBroken, Vault, WrongMasterKey

KEY, OTHER = os.urandom(32), os.urandom(32)
PLACE = {"table": "provider", "row": "1", "column": "password"}


@settings(max_examples=50)
@given(st.binary(max_size=200))
def test_it_opens_what_it_sealed(secret: bytes) -> None:
    vault = Vault([KEY])
    assert vault.open(vault.seal(secret, **PLACE), **PLACE) == secret


@pytest.mark.parametrize(
    "moved",
    [
        {"table": "provider", "row": "2", "column": "password"},
        {"table": "providerx", "row": "1", "column": "password"},
        {"table": "provider", "row": "1", "column": "passwort"},
        {"table": "provider1", "row": "", "column": "password"},
    ],
)
def test_a_ciphertext_moved_to_another_place_does_not_open(moved: dict[str, str]) -> None:
    vault = Vault([KEY])
    with pytest.raises(SealBroken) as caught:
        vault.open(vault.seal(b"hunter2-hunter2", **PLACE), **moved)
    assert "hunter2" not in str(caught.value)


@settings(max_examples=50)
@given(st.integers(min_value=12))
def test_a_changed_envelope_does_not_open(position: int) -> None:
    vault = Vault([KEY])
    envelope = vault.seal(b"a secret", **PLACE)
    at = 12 + position % (len(envelope) - 12)
    changed = envelope[:at] + ("A" if envelope[at] != "A" else "B") + envelope[at + 1 :]
    with pytest.raises((SealBroken, WrongMasterKey)):
        vault.open(changed, **PLACE)


def test_another_key_is_told_apart_from_a_broken_seal() -> None:
    with pytest.raises(WrongMasterKey):
        Vault([OTHER]).open(Vault([KEY]).seal(b"x", **PLACE), **PLACE)


def test_a_key_ring_opens_the_old_and_seals_with_the_new() -> None:
    old = Vault([KEY]).seal(b"x", **PLACE)
    ring = Vault([OTHER, KEY])
    assert ring.open(old, **PLACE) == b"x"
    assert ring.needs_rewrap(old)
    assert not ring.needs_rewrap(ring.seal(b"x", **PLACE))


def test_the_canary_refuses_the_wrong_key() -> None:
    canary = Vault([KEY]).canary()
    Vault([KEY]).check_canary(canary)
    with pytest.raises(WrongMasterKey):
        Vault([OTHER]).check_canary(canary)


def test_two_seals_of_the_same_secret_differ_and_show_nothing() -> None:
    vault = Vault([KEY])
    first, second = vault.seal(b"hunter2", **PLACE), vault.seal(b"hunter2", **PLACE)
    assert first != second
    assert "hunter2" not in first + repr(vault)


def test_a_fingerprint_recognises_a_secret_without_telling_it() -> None:
    vault = Vault([KEY])
    assert vault.fingerprint("a") == vault.fingerprint("a") != vault.fingerprint("b")
    assert Vault([OTHER]).fingerprint("a") != vault.fingerprint("a")
