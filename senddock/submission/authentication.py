"""Who a session is: its key as it was shown, as it is looked at again, and what is answered when it does not do."""

import asyncio
import logging
from typing import TYPE_CHECKING

from senddock.submission.credentials import Credentials
from senddock.submission.intake import Standing, WrongKey

if TYPE_CHECKING:
    from senddock.submission.door import Door

log = logging.getLogger(__name__)

#: Seconds for which a key is believed without looking again.
BELIEVED = 3.0
#: Wrong keys that one session may show.
_MOST_WRONG = 3


class Authentication:
    """One for each connection; used from the event loop, blocks in the door's threads."""

    __slots__ = ("_door", "_failures", "_seen_at", "_token", "standing")

    def __init__(self, door: "Door") -> None:
        self._door = door
        #: Whose messages they are; ``None`` until a key was good.
        self.standing: Standing | None = door.standing
        self._seen_at = 0.0
        self._token = ""
        self._failures = 0

    @property
    def settled(self) -> bool:
        """True when a message may begin without a look at the database or at Redis."""
        if self._door.standing is not None:
            return True
        return self._fresh and self.standing is not None and self.standing.caller.per_second is None

    @property
    def _fresh(self) -> bool:
        return self._door.now() - self._seen_at < BELIEVED

    async def sign_in(self, credentials: Credentials, address: str) -> str:
        """The reply to AUTH: 235, or why not; after 421 the session ends."""
        admission, now = self._door.admission, self._door.now()
        if admission.shut_out(address, now):
            return "421 4.7.0 Too many wrong keys from this address, try again in ten minutes"
        refusal = await self._recognise(credentials.token, address)
        if refusal is None:
            self._token = credentials.token
            return "235 2.7.0 Signed in"
        if refusal.startswith("535"):
            self._failures += 1
            admission.note_failure(address, now)
            # Whoever guesses is slowed down; whoever mistyped hardly notices.
            await asyncio.sleep(self._failures * self._door.guess_pause)
            if self._failures >= _MOST_WRONG:
                return "421 4.7.0 Too many wrong keys"
        return refusal

    async def refusal_of_mail(self, address: str) -> str | None:
        """Why no message may begin now, or ``None``; after 530 the key is good no more.

        A session may stay for hours: its key is looked at again. A key with a limit of its own counts the message.
        """
        if not self._fresh:
            refusal = await self._recognise(self._token, address)
            if refusal is not None:
                return "530 5.7.0 " + refusal.partition(" 5.7.8 ")[2] if refusal.startswith("535") else refusal
        if self.standing is None or self.standing.caller.per_second is None or self._door.rate is None:
            return None
        taken = await self._door.in_thread(self._door.rate.take, self.standing.caller)
        if taken.granted:
            return None
        return (
            f"451 4.7.1 This API key may hand over {taken.limit} messages a second: try again in {taken.reset} s, "
            "or raise its limit under API Keys"
        )

    async def _recognise(self, token: str, address: str) -> str | None:
        """``None`` for a good key, or the reply."""
        try:
            self.standing = await self._door.in_thread(self._door.intake.sign_in, token, address)
        except WrongKey as error:
            return str(error)
        except Exception:
            log.exception("a key could not be looked up")
            return "454 4.7.0 Keys cannot be looked up just now, try again later"
        self._seen_at = self._door.now()
        return None
