"""Who may connect, how often a wrong key may be shown, and how many octets may be under way at once."""

import ipaddress
from collections import Counter
from dataclasses import dataclass

#: Wrong keys from one address inside the window before its sign-ins are refused unseen; seconds of the window.
MOST_FAILURES = 30
FAILURE_WINDOW = 600.0
#: Addresses whose failures are remembered; past that the memory starts anew rather than grow.
_MOST_ADDRESSES = 10_000


@dataclass(frozen=True, slots=True)
class Limits:
    """Numbers the operator may change."""

    #: Connections in all, and from one address that is not loopback.
    connections: int = 12_000
    per_address: int = 500
    #: Octets of one message, and of all messages that are being received or committed.
    message: int = 40 * 1024 * 1024
    in_flight: int = 256 * 1024 * 1024
    recipients: int = 1000


class Admission:
    """Counters of one door; used from its event loop only."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.in_flight = 0
        self._open: Counter[str] = Counter()
        self._failures: dict[str, tuple[float, int]] = {}

    def enter(self, address: str) -> bool:
        """Count a connection; False when there are too many from this address. `leave` takes it back."""
        self._open[address] += 1
        return self._open[address] <= self.limits.per_address or is_loopback(address)

    def leave(self, address: str) -> None:
        """The connection is over."""
        self._open[address] -= 1
        if self._open[address] <= 0:
            del self._open[address]

    def has_room(self) -> bool:
        """True while one more message may be received."""
        return self.in_flight < self.limits.in_flight

    def shut_out(self, address: str, now: float) -> bool:
        """True when this address has shown too many wrong keys.

        Loopback is never shut out: one program with an old key must not stop the others on the machine.
        """
        since, count = self._failures.get(address, (now, 0))
        return count >= MOST_FAILURES and now - since < FAILURE_WINDOW and not is_loopback(address)

    def note_failure(self, address: str, now: float) -> None:
        """A wrong key was shown."""
        if len(self._failures) >= _MOST_ADDRESSES:
            self._failures.clear()
        since, count = self._failures.get(address, (now, 0))
        self._failures[address] = (now, 1) if now - since >= FAILURE_WINDOW else (since, count + 1)


class Room:
    """The octets under way that one connection answers for."""

    __slots__ = ("_admission", "_taken")

    def __init__(self, admission: Admission) -> None:
        self._admission = admission
        self._taken = 0

    def take(self, octets: int) -> None:
        """So many more were received."""
        self._taken += octets
        self._admission.in_flight += octets

    def give_back(self) -> None:
        """The message is decided, or given up."""
        self._admission.in_flight -= self._taken
        self._taken = 0


def is_loopback(address: str) -> bool:
    """True for 127.0.0.0/8, ::1, and what a dual-stack socket shows for them."""
    try:
        here = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(here, ipaddress.IPv6Address) and here.ipv4_mapped is not None:
        here = here.ipv4_mapped
    return here.is_loopback
