"""Signed-in browsers: opened after a person has proved who they are, listed, confirmed again, and ended at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import bindparam, delete, select, update

from senddock.models import Database, User, UserSession
from senddock.secrets.passwords import verify_password
from senddock.secrets.tokens import new_token, token_hash

#: How long a browser stays signed in without being used.
SESSION_DAYS = 14
#: How long after proving the password a page that shows or changes secrets opens without asking again.
CONFIRMED_MINUTES = 15
#: How long the form of such a page may be open before it is sent.
_FILLING_MINUTES = 45
#: Every page asks for it.
_HOLDER = (
    select(
        UserSession.token_hash,
        UserSession.last_seen_at,
        UserSession.confirmed_at,
        User.id,
        User.email,
        User.totp_sealed,
    )
    .join(User, User.id == UserSession.user_id)
    .where(UserSession.token_hash == bindparam("hash"), User.disabled_at.is_(None))
)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who is at the browser."""

    user_id: int
    email: str
    confirmed_at: datetime
    has_second_factor: bool

    def confirmed_for(self, *, filling: bool, now: datetime) -> bool:
        """True while secrets may be changed; ``filling`` allows for the time it takes to fill the form in."""
        minutes = CONFIRMED_MINUTES + (_FILLING_MINUTES if filling else 0)
        return now - self.confirmed_at <= timedelta(minutes=minutes)


def check_password(database: Database, email: str, password: str) -> User | None:
    """The person with this e-mail and password; takes as long when there is no such account."""
    with database.read() as reading:
        user = reading.scalar(select(User).where(User.email == email.strip().lower()))
    good = verify_password(user.password_hash if user else None, password)
    return user if good and user is not None and user.disabled_at is None else None


def open_session(database: Database, user_id: int, *, address: str | None, agent: str | None) -> str:
    """A session for a person who has just proved who they are; its token goes into the cookie only."""
    now = datetime.now(UTC)
    token = new_token("session_")
    with database.write() as session:
        session.execute(update(User).where(User.id == user_id).values(last_login_at=now))
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
    with database.connect() as connection:
        row = connection.execute(_HOLDER, {"hash": token_hash(token)}).one_or_none()
    if row is None or row.last_seen_at < now - timedelta(days=SESSION_DAYS):
        return None
    if row.last_seen_at < now - timedelta(minutes=10):
        with database.transaction() as connection:
            connection.execute(
                update(UserSession).where(UserSession.token_hash == row.token_hash).values(last_seen_at=now)
            )
    return SignedIn(row.id, row.email, row.confirmed_at, row.totp_sealed is not None)


def confirm(database: Database, token: str) -> None:
    """The person at this browser has just proved the password again."""
    with database.transaction() as connection:
        connection.execute(
            update(UserSession)
            .where(UserSession.token_hash == token_hash(token))
            .values(confirmed_at=datetime.now(UTC))
        )


def sessions_of(database: Database, user_id: int) -> Sequence[UserSession]:
    """Every open session of a person, the one used last first."""
    since = datetime.now(UTC) - timedelta(days=SESSION_DAYS)
    statement = (
        select(UserSession)
        .where(UserSession.user_id == user_id, UserSession.last_seen_at >= since)
        .order_by(UserSession.last_seen_at.desc())
    )
    with database.read() as session:
        return session.scalars(statement).all()


def sign_out(database: Database, token: str) -> None:
    """End one session."""
    with database.write() as session:
        session.execute(delete(UserSession).where(UserSession.token_hash == token_hash(token)))


def end_session(database: Database, user_id: int, prefix: str) -> None:
    """End the session of this person whose stored hash begins with ``prefix``: a page shows no more of it."""
    with database.write() as session:
        for row in session.scalars(select(UserSession).where(UserSession.user_id == user_id)):
            if row.token_hash.startswith(prefix) and len(prefix) >= 16:
                session.delete(row)


def end_other_sessions(database: Database, user_id: int, token: str) -> None:
    """End every session of this person but the one of ``token``."""
    with database.write() as session:
        session.execute(
            delete(UserSession).where(UserSession.user_id == user_id, UserSession.token_hash != token_hash(token))
        )
