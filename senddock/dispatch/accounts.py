"""People: the first one by a one-time link, their passwords, and their sessions."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from senddock.dispatch.refusals import Refused
from senddock.domain.envelope import Address, InvalidAddress
from senddock.models import Database, OneTimeToken, User, UserSession
from senddock.secrets.passwords import hash_password, verify_password
from senddock.secrets.tokens import new_token, token_hash

#: How long a browser stays signed in without being used, and the setup link works.
SESSION_DAYS = 14
_LINK_HOURS = 24
_SETUP = "setup"


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who is at the browser."""

    user_id: int
    email: str
    confirmed_at: datetime


def create_user(database: Database, email: str, password: str) -> User:
    """Add a person. Raises `Refused`."""
    with database.write() as session:
        return _new_user(session, email, password)


def count_users(database: Database) -> int:
    """How many people may sign in."""
    with database.read() as session:
        return session.scalar(select(func.count()).select_from(User)) or 0


def setup_link_token(database: Database) -> str | None:
    """A new token for the setup link while nobody has an account yet; older links end."""
    now = datetime.now(UTC)
    token = new_token("setup_")
    with database.write() as session:
        if session.scalar(select(User.id).limit(1)) is not None:
            return None
        session.execute(delete(OneTimeToken).where(OneTimeToken.purpose == _SETUP))
        session.add(
            OneTimeToken(
                token_hash=token_hash(token),
                purpose=_SETUP,
                created_at=now,
                expires_at=now + timedelta(hours=_LINK_HOURS),
            )
        )
    return token


def setup_token_valid(database: Database, token: str) -> bool:
    """True while the link can be used."""
    with database.read() as session:
        row = session.get(OneTimeToken, token_hash(token))
        return row is not None and row.purpose == _SETUP and row.expires_at > datetime.now(UTC)


def complete_setup(database: Database, token: str, email: str, password: str) -> User:
    """Make the first account and end the link. Raises `Refused`."""
    with database.write() as session:
        row = session.get(OneTimeToken, token_hash(token))
        if row is None or row.purpose != _SETUP or row.expires_at <= datetime.now(UTC):
            raise Refused("This setup link is used up or too old: restart SendDock to get a new one.", code="not_found")
        if session.scalar(select(User.id).limit(1)) is not None:
            raise Refused("An account exists already: sign in instead.", code="conflict")
        user = _new_user(session, email, password)
        session.delete(row)
        return user


def sign_in(database: Database, email: str, password: str, *, address: str | None, agent: str | None) -> str | None:
    """Check the password and open a session: its token, or ``None`` when they do not fit."""
    with database.read() as reading:
        user = reading.scalar(select(User).where(User.email == email.strip().lower()))
    good = verify_password(user.password_hash if user else None, password)
    if not good or user is None or user.disabled_at is not None:
        return None
    return open_session(database, user.id, address=address, agent=agent)


def open_session(database: Database, user_id: int, *, address: str | None, agent: str | None) -> str:
    """A session for a person who has just proved who they are."""
    now = datetime.now(UTC)
    token = new_token("session_")
    with database.write() as session:
        person = session.get(User, user_id)
        if person is not None:
            person.last_login_at = now
        session.execute(delete(UserSession).where(UserSession.last_seen_at < now - timedelta(days=SESSION_DAYS)))
        session.add(
            UserSession(
                token_hash=token_hash(token),
                user_id=user_id,
                created_at=now,
                last_seen_at=now,
                confirmed_at=now,
                address=address,
                agent=(agent or "")[:200] or None,
            )
        )
    return token


def signed_in(database: Database, token: str) -> SignedIn | None:
    """Who holds this session; ``None`` when it is over. Its age is renewed at most every ten minutes."""
    now = datetime.now(UTC)
    with database.read() as session:
        row = session.get(UserSession, token_hash(token))
        user = session.get(User, row.user_id) if row else None
    if row is None or user is None or user.disabled_at is not None:
        return None
    if row.last_seen_at < now - timedelta(days=SESSION_DAYS):
        return None
    if row.last_seen_at < now - timedelta(minutes=10):
        with database.write() as session:
            again = session.get(UserSession, row.token_hash)
            if again is not None:
                again.last_seen_at = now
    return SignedIn(user.id, user.email, row.confirmed_at)


def sign_out(database: Database, token: str) -> None:
    """End one session."""
    with database.write() as session:
        session.execute(delete(UserSession).where(UserSession.token_hash == token_hash(token)))


def _new_user(session: Session, email: str, password: str) -> User:
    try:
        address = str(Address.parse(email.strip())).lower()
    except InvalidAddress as error:
        raise Refused(f"The e-mail address is not usable: {error}.", field="email") from error
    if session.scalar(select(User.id).where(User.email == address)) is not None:
        raise Refused(f"There is an account for {address} already.", field="email", code="conflict")
    try:
        hashed = hash_password(password)
    except ValueError as error:
        raise Refused(str(error), field="password") from error
    user = User(email=address, password_hash=hashed, created_at=datetime.now(UTC))
    session.add(user)
    session.flush()
    return user
