"""The order of a stream's routes: tiers of equal priority, the share of each provider, and moving one about. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

#: Weight and priority go from 1 to this.
HIGHEST = 1000


@dataclass(frozen=True, slots=True)
class Placed:
    """One provider in the order."""

    provider_id: int
    name: str
    priority: int
    weight: int
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class Tier:
    """Providers of one priority, with the per cent of the tier's mail that each of them gets."""

    priority: int
    members: Sequence[tuple[Placed, float]]


def tiers(routes: Sequence[Placed]) -> Sequence[Tier]:
    """By priority, the first tried first. A disabled provider keeps its place and gets no share."""
    found = []
    for priority in sorted({route.priority for route in routes}):
        members = [route for route in routes if route.priority == priority]
        total = sum(route.weight for route in members if route.enabled)
        found.append(
            Tier(priority, [(item, 100 * item.weight / total if item.enabled and total else 0.0) for item in members])
        )
    return found


def preview(routes: Sequence[Placed]) -> str:
    """One line: ``1 AWS SES 70 % · Resend 30 %, then 2 Hostinger``; numbered by turn."""
    parts: list[str] = []
    for tier in tiers(routes):
        members = [(item, share) for item, share in tier.members if item.enabled]
        if members:
            shown = [item.name + (f" {percent(share)} %" if len(members) > 1 else "") for item, share in members]
            parts.append(f"{len(parts) + 1} " + " · ".join(shown))
    return ", then ".join(parts)


def percent(share: float) -> str:
    """``70``, ``33.3`` or ``<0.1``."""
    if 0 < share < 0.1:
        return "<0.1"
    return f"{share:.1f}".removesuffix(".0")


def renumbered(groups: Sequence[Sequence[Placed]]) -> list[Placed]:
    """Tiers in this order with priorities from 1; empty ones vanish."""
    kept = [group for group in groups if group]
    return [replace(item, priority=number) for number, group in enumerate(kept, 1) for item in group]


def moved(routes: Sequence[Placed], provider_id: int, steps: int) -> list[Placed]:
    """One step up (-1) or down (1). One that shares its tier leaves it for a tier of its own beside it; one that stands
    alone joins the tier there. So every order can be reached with two buttons. Raises ``KeyError`` for an unknown one.
    """
    groups, here, item = _taken_out(routes, provider_id)
    alone = not groups[here]
    if not alone:
        groups.insert(here if steps < 0 else here + 1, [item])
    elif 0 <= here + steps < len(groups):
        groups[here + steps].append(item)
    else:
        groups[here].append(item)
    return renumbered(groups)


def joined(routes: Sequence[Placed], provider_id: int, target_id: int) -> list[Placed]:
    """Into the tier of ``target_id``: they share the load from then on. Raises ``KeyError``."""
    if provider_id == target_id:
        return renumbered(_groups(routes))
    groups, _, item = _taken_out(routes, provider_id)
    groups[_tier_of(groups, target_id)].append(item)
    return renumbered(groups)


def put_before(routes: Sequence[Placed], provider_id: int, target_id: int | None) -> list[Placed]:
    """Into a tier of its own before that of ``target_id``, or after all with ``None``. Raises ``KeyError``."""
    if provider_id == target_id:
        return renumbered(_groups(routes))
    groups, _, item = _taken_out(routes, provider_id)
    groups.insert(len(groups) if target_id is None else _tier_of(groups, target_id), [item])
    return renumbered(groups)


def _groups(routes: Sequence[Placed]) -> list[list[Placed]]:
    return [[item for item, _ in tier.members] for tier in tiers(routes)]


def _taken_out(routes: Sequence[Placed], provider_id: int) -> tuple[list[list[Placed]], int, Placed]:
    groups = _groups(routes)
    here = _tier_of(groups, provider_id)
    item = next(one for one in groups[here] if one.provider_id == provider_id)
    groups[here].remove(item)
    return groups, here, item


def _tier_of(groups: Sequence[Sequence[Placed]], provider_id: int) -> int:
    for number, group in enumerate(groups):
        if any(item.provider_id == provider_id for item in group):
            return number
    raise KeyError(provider_id)
