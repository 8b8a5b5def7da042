"""A/B tests between providers: which arm a recipient belongs to, and which of their messages count. Pure.

Assignment is by a hash of the recipient's address, so a recipient stays in its arm for the whole experiment, in every
worker, without anything being stored beforehand. Each recipient is counted once, with the outcome of the first attempt
of the first message that takes part: repeated mail to one mailbox is not independent evidence.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from senddock.domain.routing import Trial


@dataclass(frozen=True, slots=True)
class Arm:
    """A provider and the per cent of the stream's recipients that it is given."""

    provider_id: int
    share: float


@dataclass(frozen=True, slots=True)
class Experiment:
    """What the engine needs to know of one."""

    id: int
    name: str
    arms: Sequence[Arm]
    starts_at: datetime
    ends_at: datetime

    def runs(self, now: datetime) -> bool:
        """True between start and end."""
        return self.starts_at <= now < self.ends_at

    def arm_of(self, recipient: str) -> int | None:
        """The provider of the recipient's arm; ``None`` for those outside, when the shares are below 100 together."""
        place = 100 * self.hash_of(recipient) / 2**63
        for arm in self.arms:
            place -= arm.share
            if place < 0:
                return arm.provider_id
        return None

    def hash_of(self, recipient: str) -> int:
        """63 bits that stand for the recipient in this experiment; another experiment shuffles anew."""
        digest = hashlib.sha256(f"{self.id}:{recipient.strip().lower()}".encode()).digest()
        return int.from_bytes(digest[:8], "big") >> 1

    def trial(self, recipient: str) -> Trial | None:
        """What the plan is told about this recipient."""
        arm = self.arm_of(recipient)
        if arm is None:
            return None
        return Trial(self.name, arm, frozenset(item.provider_id for item in self.arms))
