"""A plan in the shape that is stored with each attempt, shown in the panel and printed by the command line."""

from collections.abc import Sequence
from typing import Any

from senddock.domain.routing import LeftOut, Plan, Use, Wait


def explain_use(chosen: str, why: str, left_out: Sequence[LeftOut]) -> dict[str, Any]:
    """Why this provider, and why not the others. ``until`` is ISO 8601, where the reason passes by itself."""
    return {
        "chosen": chosen,
        **({"why": why} if why else {}),
        "left_out": [
            {"provider": item.name, "why": item.why, **({"until": item.until.isoformat()} if item.until else {})}
            for item in left_out
        ],
    }


def explain(decision: Plan, names: dict[int, str]) -> dict[str, Any]:
    """Any plan: ``decision`` is ``use``, ``wait`` (with ``until``) or ``no_route``; ``chosen`` is a name or ``None``."""
    if isinstance(decision, Use):
        chosen = names[decision.provider_id]
        return {"decision": "use", **explain_use(chosen, decision.why, decision.left_out)}
    found = {**explain_use("", decision.why, decision.left_out), "chosen": None}
    if isinstance(decision, Wait):
        return {"decision": "wait", "until": decision.until.isoformat(), **found}
    return {"decision": "no_route", **found}
