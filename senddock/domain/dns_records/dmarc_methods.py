"""The two ways in which receivers find a DMARC policy, side by side: the public suffix list and the tree walk.

Both are in use: RFC 7489 asks the domain and its organisational domain by the public suffix list, DMARCbis walks the tree.
"""

from dataclasses import dataclass
from typing import Any

from senddock.domain.dns_records.dmarc_policy import DmarcPolicy
from senddock.domain.dns_records.dmarc_tree import TreeWalk
from senddock.domain.dns_records.finding import problems

BY_LIST, BY_WALK = "receivers that follow RFC 7489", "receivers that walk the tree (DMARCbis)"


@dataclass(frozen=True, slots=True)
class DmarcMethods:
    """What each of the two finds for one domain."""

    by_list: DmarcPolicy
    by_walk: DmarcPolicy
    #: The organisational domain by the public suffix list.
    organisation: str
    walk: TreeWalk

    @property
    def differences(self) -> list[str]:
        """Sentences on what the two find differently; none while one of them cannot be told."""
        if self.by_list.unanswered or self.by_walk.unanswered:
            return []
        found = []
        policies = [(policy.policy, policy.policy and policy.found_at) for policy in (self.by_list, self.by_walk)]
        if policies[0] != policies[1]:
            who, others, what, what_else = _first(BY_LIST), BY_WALK, _found(self.by_list), _found(self.by_walk)
            found.append(f"{who} find {what}, {others} find {what_else}")
        if self.by_walk.policy is not None and self.walk.organisation != self.organisation:
            who, others = _first(BY_LIST), BY_WALK
            found.append(
                f"{who} take {self.organisation} for the organisational domain, {others} take "
                f"{self.walk.organisation}: relaxed alignment holds inside it only"
            )
        return found

    @property
    def notes(self) -> list[str]:
        """Records on the way up that nobody reads for this domain."""
        return [
            f"_dmarc.{place} has a record as well: it does not hold for {self.walk.domain}, because both methods read the "
            f"domain's own record and that of its organisational domain only (psd=n would make {place} one)"
            for place in self.walk.passed_by
            if place not in (self.by_list.found_at, self.organisation)
        ]

    def to_json(self) -> dict[str, Any]:
        """The policy by RFC 7489 with the tree walk's beside it."""
        shown = self.by_list.to_json()
        walk = self.by_walk
        return {
            **shown,
            "notes": [*shown["notes"], *self.notes],
            "organisational_domain": self.organisation,
            "tree_walk": {
                "status": walk.status.value,
                "policy": walk.policy,
                "found_at": walk.found_at,
                "record": walk.record.text if walk.record else None,
                "problems": problems(walk.findings),
                **self.walk.to_json(),
            },
            "differences": self.differences,
        }


def _found(policy: DmarcPolicy) -> str:
    if policy.found_at is None or policy.record is None:
        return "no policy at all" if policy.found_at is None else f"no single policy at _dmarc.{policy.found_at}"
    if policy.policy is None:
        return f"no readable policy at _dmarc.{policy.found_at}"
    return f"the policy p={policy.policy} at _dmarc.{policy.found_at}"


def _first(text: str) -> str:
    return text[0].upper() + text[1:]
