"""People who operate the panel: the first one by the setup link, the others by invitation, and their passwords."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from senddock.dispatch.refusals import Refused
from senddock.domain.envelope import Address, InvalidAddress
from senddock.models import Database, OneTimeToken, User, UserSession
from senddock.secrets.passwords import hash_password, verify_password
from senddock.secrets.tokens import new_token, token_hash

#: How long the setup link, and a link that invites a person or sets a new password, works.
_SETUP_HOURS = 24
LINK_HOURS = 72
_SETUP, _PASSWORD = "setup", "password"


def create_user(database: Database, email: str, password: str) -> User:
    """Add a person. Raises `Refused`."""
    with database.write() as session:
        return _new_user(session, email, password)


def count_users(database: Database) -> int:
    """How many people have an account."""
    with database.read() as session:
        return session.scalar(select(func.count()).select_from(User)) or 0


def all_users(database: Database) -> Sequence[User]:
    """Everybody with an account, in the order in which they came."""
    with database.read() as session:
        return session.scalars(select(User).order_by(User.id)).all()


def user_id_of(database: Database, email: str) -> int:
    """The id of the account with this address. Raises `Refused`."""
    with database.read() as session:
        found = session.scalar(select(User.id).where(User.email == email.strip().lower()))
    if found is None:
        raise Refused(f"There is no account for {email}.", field="email", code="not_found")
    return found


def setup_link_token(database: Database) -> str | None:
    """A new token for the setup link while nobody has an account yet; older links end."""
    with database.write() as session:
        if session.scalar(select(User.id).limit(1)) is not None:
            return None
        return _new_link(session, _SETUP, None, _SETUP_HOURS)


def setup_token_valid(database: Database, token: str) -> bool:
    """True while the setup link can be used."""
    with database.read() as session:
        return _link(session, token, _SETUP) is not None


def complete_setup(database: Database, token: str, email: str, password: str) -> User:
    """Make the first account and end the link. Raises `Refused`."""
    with database.write() as session:
        row = _link(session, token, _SETUP)
        if row is None:
            raise Refused("This setup link is used up or too old: restart SendDock to get a new one.", code="not_found")
        if session.scalar(select(User.id).limit(1)) is not None:
            raise Refused("An account exists already: sign in instead.", code="conflict")
        user = _new_user(session, email, password)
        session.delete(row)
        return user


def invite(database: Database, email: str) -> str:
    """The token of a link by which a new person chooses a password. Raises `Refused`."""
    with database.write() as session:
        address = _address(email)
        if session.scalar(select(User.id).where(User.email == address)) is not None:
            raise Refused(f"There is an account for {address} already.", field="email", code="conflict")
        return _new_link(session, _PASSWORD, address, LINK_HOURS)


def password_link(database: Database, email: str) -> str:
    """The token of a link by which a person who has an account chooses a new password. Raises `Refused`."""
    with database.write() as session:
        address = email.strip().lower()
        if session.scalar(select(User.id).where(User.email == address)) is None:
            raise Refused(f"There is no account for {address}.", field="email", code="not_found")
        return _new_link(session, _PASSWORD, address, LINK_HOURS)


def invited(database: Database, token: str) -> str | None:
    """For whom an invitation or password link is; ``None`` when it is used up or too old."""
    with database.read() as session:
        row = _link(session, token, _PASSWORD)
        return row.email if row else None


def choose_password(database: Database, token: str, password: str) -> User:
    """Use a link: make the account, or set the password of the one there is and end its sessions. Raises `Refused`."""
    with database.write() as session:
        row = _link(session, token, _PASSWORD)
        if row is None or row.email is None:
            raise Refused("This link is used up or too old: ask for a new one.", code="not_found")
        user = session.scalar(select(User).where(User.email == row.email))
        if user is None:
            user = _new_user(session, row.email, password)
        else:
            _set_password(session, user, password)
        session.delete(row)
        return user


def change_password(database: Database, user_id: int, old: str, new: str) -> None:
    """Set a new password and end every session of this person. Raises `Refused`."""
    with database.write() as session:
        user = _get(session, user_id)
        if not verify_password(user.password_hash, old):
            raise Refused("This is not your present password.", field="old")
        _set_password(session, user, new)


def disable(database: Database, user_id: int) -> None:
    """Keep a person out from this moment: the account is shut and every session ends. Raises `Refused`."""
    with database.write() as session:
        user = _get(session, user_id)
        others = session.scalar(
            select(func.count()).select_from(User).where(User.disabled_at.is_(None), User.id != user_id)
        )
        if not others:
            raise Refused("This is the only account that can sign in: invite somebody else first.", code="conflict")
        user.disabled_at = user.disabled_at or datetime.now(UTC)
        session.execute(delete(UserSession).where(UserSession.user_id == user_id))
        session.execute(delete(OneTimeToken).where(OneTimeToken.email == user.email))


def enable(database: Database, user_id: int) -> None:
    """Let a person in again. Raises `Refused`."""
    with database.write() as session:
        _get(session, user_id).disabled_at = None


def _get(session: Session, user_id: int) -> User:
    user = session.get(User, user_id)
    if user is None:
        raise Refused("There is no such account.", code="not_found")
    return user


def _new_link(session: Session, purpose: str, email: str | None, hours: int) -> str:
    now, token = datetime.now(UTC), new_token(f"{purpose}_")
    same = OneTimeToken.email.is_(None) if email is None else OneTimeToken.email == email
    session.execute(delete(OneTimeToken).where(OneTimeToken.purpose == purpose, same))
    session.add(
        OneTimeToken(
            token_hash=token_hash(token),
            purpose=purpose,
            email=email,
            created_at=now,
            expires_at=now + timedelta(hours=hours),
        )
    )
    return token


def _link(session: Session, token: str, purpose: str) -> OneTimeToken | None:
    row = session.get(OneTimeToken, token_hash(token))
    good = row is not None and row.purpose == purpose and row.expires_at > datetime.now(UTC)
    return row if good else None


def _set_password(session: Session, user: User, password: str) -> None:
    user.password_hash = _hashed(password)
    session.execute(delete(UserSession).where(UserSession.user_id == user.id))


def _new_user(session: Session, email: str, password: str) -> User:
    address = _address(email)
    if session.scalar(select(User.id).where(User.email == address)) is not None:
        raise Refused(f"There is an account for {address} already.", field="email", code="conflict")
    user = User(email=address, password_hash=_hashed(password), created_at=datetime.now(UTC))
    session.add(user)
    session.flush()
    return user


def _address(email: str) -> str:
    try:
        return str(Address.parse(email.strip())).lower()
    except InvalidAddress as error:
        raise Refused(f"The e-mail address is not usable: {error}.", field="email") from error


def _hashed(password: str) -> str:
    try:
        return hash_password(password)
    except ValueError as error:
        raise Refused(str(error), field="password") from error
