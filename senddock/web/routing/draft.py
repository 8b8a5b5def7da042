"""An order as it stands in the editor's form, before it is saved; each button of the form is one step."""

from collections.abc import Mapping, Sequence
from typing import Any

from werkzeug.datastructures import MultiDict

from senddock.domain.route_order import HIGHEST, Placed, joined, moved, put_before, renumbered, tiers
from senddock.domain.whole_number import whole_number

Form = MultiDict[str, str]


def read(form: Form, known: Mapping[int, Placed]) -> tuple[list[Placed], dict[str, str]]:
    """The order in the form, and what is wrong in it by field. Providers that are gone meanwhile are left out."""
    found: list[Placed] = []
    errors: dict[str, str] = {}
    for text in dict.fromkeys(form.getlist("provider")):
        number = whole_number(text)
        item = known.get(number) if number is not None else None
        if item is None:
            continue
        priority = _number(form.get(f"priority-{text}", "")) or len(found) + 1
        weight = _number(form.get(f"weight-{text}", ""))
        if weight is None:
            errors[f"weight-{text}"] = f"The weight is a whole number from 1 to {HIGHEST}."
        found.append(Placed(item.provider_id, item.name, priority, weight or item.weight, item.enabled))
    groups = [[one for one, _ in tier.members] for tier in tiers(found)]
    return renumbered(groups), errors


def step(order: Sequence[Placed], words: str, known: Mapping[int, Placed]) -> list[Placed]:
    """One step: ``up:3``, ``down:3``, ``remove:3``, ``add:3``, ``join:3:5``, ``before:3:5``, ``last:3``.

    What does not fit the order any more changes nothing.
    """
    name, *texts = words.split(":")
    ids = [number for number in map(whole_number, texts) if number is not None]
    if not ids or len(ids) != len(texts):
        return list(order)
    placed = {item.provider_id for item in order}
    if name == "add" and ids[0] in known and ids[0] not in placed:
        lowest = max((item.priority for item in order), default=0)
        new = known[ids[0]]
        return [*order, Placed(new.provider_id, new.name, lowest + 1, 100, new.enabled)]
    if not set(ids) <= placed:
        return list(order)
    return _change(order, name, ids)


def _change(order: Sequence[Placed], name: str, ids: Sequence[int]) -> list[Placed]:
    if name in ("up", "down"):
        return moved(order, ids[0], -1 if name == "up" else 1)
    if name == "remove":
        return [item for item in order if item.provider_id != ids[0]]
    if name == "last":
        return put_before(order, ids[0], None)
    if len(ids) == 2 and name in ("join", "before"):
        return (joined if name == "join" else put_before)(order, ids[0], ids[1])
    return list(order)


def shown(order: Sequence[Placed], known: Mapping[int, Placed]) -> dict[str, Any]:
    """What the editor's fragment needs besides the stream."""
    placed = {item.provider_id for item in order}
    return {
        "tiers": tiers(order),
        "absent": [item for item in known.values() if item.provider_id not in placed],
        "share_ids": ",".join(f"#share-{item.provider_id}" for item in order),
    }


def _number(text: str) -> int | None:
    return whole_number(text, HIGHEST) or None
