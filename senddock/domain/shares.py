"""Sharing load by weight: smooth weighted round-robin, the scheme of nginx's upstream module.

Each candidate's credit grows by its weight with every choice; the richest is chosen and pays the sum of all weights.
Over any stretch of choices each share differs from its weight by less than one message.
"""

from collections.abc import Mapping, MutableMapping


def pick(weights: Mapping[int, int], credit: MutableMapping[int, float]) -> int:
    """Choose one key of ``weights`` and update ``credit`` in place; ties go to the smallest key.

    Raises ``ValueError`` when there is nothing to choose from.
    """
    if not weights:
        raise ValueError("there is nothing to choose from")
    if len(weights) == 1:
        return next(iter(weights))
    total = 0
    for key, weight in weights.items():
        credit[key] = credit.get(key, 0.0) + max(0, weight)
        total += max(0, weight)
    chosen = min(weights, key=lambda key: (-credit[key], key))
    credit[chosen] -= total
    return chosen
