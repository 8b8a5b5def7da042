"""Opening a session for a lane, with the time that each stage took."""

from collections.abc import Callable

from senddock.domain.reply import Stage
from senddock.smtp.session import Session
from senddock.smtp.target import Target


class Dial:
    """Asks the loop for a new session; opening one blocks, so it is done in a thread of its own."""

    def __init__(
        self, target: Target, on_close: Callable[[], None] | None, on_greeting: Callable[[], None] | None = None
    ) -> None:
        """``on_close`` is called when the session that was opened ends, ``on_greeting`` in the opening thread."""
        self.target = target
        self._on_close = on_close
        self._on_greeting = on_greeting
        #: Ends the loop's wait; set by the loop.
        self.wake: Callable[[], None] | None = None
        #: Milliseconds by stage.
        self.timings: dict[str, float] = {}

    def open(self) -> Session:
        """Connect and sign in. Raises `WireFault`."""
        return Session.open(self.target, self._note_stage, self._on_close)

    def _note_stage(self, stage: Stage, milliseconds: float, _text: str) -> None:
        if stage is Stage.GREETING and self._on_greeting is not None:
            self._on_greeting()
            if self.wake is not None:
                self.wake()
        self.timings[stage.value] = round(self.timings.get(stage.value, 0.0) + milliseconds, 1)
