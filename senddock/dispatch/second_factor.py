"""The second factor of a person: begun, turned on with a first code, asked for at sign-in, turned off."""

from datetime import UTC, datetime

from sqlalchemy import update

from senddock.dispatch.refusals import Refused
from senddock.models import Database, User
from senddock.secrets import second_factor
from senddock.secrets.vault import Vault


def turn_on(database: Database, vault: Vault, user_id: int, secret: str, code: str) -> list[str]:
    """Store ``secret`` once ``code`` shows that the person's app has it; answers the recovery codes, this once.

    Raises `Refused` when the code does not fit.
    """
    step = second_factor.matching_step(secret, code, now=datetime.now(UTC), after=None)
    if step is None:
        raise Refused(
            "This code does not fit. Wait for the next one in your app, and check that the phone's clock is right.",
            field="code",
        )
    codes = second_factor.new_recovery_codes()
    with database.write() as session:
        user = _person(session.get(User, user_id))
        user.totp_sealed = _seal(vault, user_id, secret)
        user.totp_step = step
        user.recovery_hashes = [second_factor.recovery_hash(each) for each in codes]
    return codes


def turn_off(database: Database, user_id: int) -> None:
    """Ask this person for the password only from now on."""
    with database.write() as session:
        user = _person(session.get(User, user_id))
        user.totp_sealed, user.totp_step, user.recovery_hashes = None, None, []


def new_codes(database: Database, user_id: int) -> list[str]:
    """Recovery codes in the place of the old ones; shown this once."""
    codes = second_factor.new_recovery_codes()
    with database.write() as session:
        user = _person(session.get(User, user_id))
        if user.totp_sealed is None:
            raise Refused("Turn two-step sign-in on first.", code="conflict")
        user.recovery_hashes = [second_factor.recovery_hash(each) for each in codes]
    return codes


def accept(database: Database, vault: Vault, user_id: int, code: str) -> bool:
    """True when ``code`` is this person's one-time password or an unused recovery code; either works once.

    Raises `WrongMasterKey` or `SealBroken` when the stored secret cannot be opened.
    """
    with database.read() as session:
        user = session.get(User, user_id)
    if user is None or user.disabled_at is not None or user.totp_sealed is None:
        return False
    place = {"table": "user_account", "row": str(user_id), "column": "totp_sealed"}
    secret = vault.open(user.totp_sealed, **place).decode()
    step = second_factor.matching_step(secret, code, now=datetime.now(UTC), after=user.totp_step)
    if step is not None:
        return _use_step(database, user_id, step)
    return _use_recovery_code(database, user_id, code)


def _use_step(database: Database, user_id: int, step: int) -> bool:
    unused = User.totp_step.is_(None) | (User.totp_step < step)
    with database.transaction() as connection:
        changed = connection.execute(update(User).where(User.id == user_id, unused).values(totp_step=step))
    return changed.rowcount == 1


def _use_recovery_code(database: Database, user_id: int, code: str) -> bool:
    with database.write() as session:
        # The row stays locked until the commit, so that one code opens one door.
        user = session.get(User, user_id, with_for_update=True)
        kept = second_factor.without_code(user.recovery_hashes, code) if user else None
        if user is None or kept is None:
            return False
        user.recovery_hashes = kept
    return True


def _seal(vault: Vault, user_id: int, secret: str) -> str:
    return vault.seal(secret.encode(), table="user_account", row=str(user_id), column="totp_sealed")


def _person(user: User | None) -> User:
    if user is None:
        raise Refused("There is no such account.", code="not_found")
    return user
