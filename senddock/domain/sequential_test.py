"""A test that may be looked at after every message: always-valid evidence about counts. Pure.

Recipients are assigned to arms at random with known shares. If the arms do not differ, each event (a bounce, say) falls
into an arm with exactly that arm's share of the assignments, whatever the rate of events is and however it drifts over
the day. The Dirichlet mixture of likelihood ratios against those shares is then a martingale that starts at 1, and by
Ville's inequality the chance that it *ever* reaches 1/a is at most a. So looking often does no harm, and the number of
recipients need not be fixed in advance.

Lindon and Malek, "Anytime-Valid Inference for Multinomial Count Data", NeurIPS 2022 (the test, and its use for sample
ratio mismatch); Ville, "Étude critique de la notion de collectif", 1939; Robbins, "Statistical methods related to the
law of the iterated logarithm", Ann. Math. Stat. 41, 1970 (mixtures).
"""

from collections.abc import Sequence
from math import lgamma, log

#: Strength of the mixture's prior around the shares of the null hypothesis; it costs power only, never validity.
_CONCENTRATION = 2.0


def log_evidence(counts: Sequence[int], shares: Sequence[float]) -> float:
    """Natural logarithm of the evidence against "events fall by ``shares``"; 0 before the first event.

    ``shares`` are positive; they are taken in proportion to each other. Raises ``ValueError`` when they do not fit.
    """
    if len(counts) != len(shares) or len(counts) < 2 or min(shares) <= 0 or min(counts) < 0:
        raise ValueError("each of two or more counts needs a positive share")
    whole = sum(shares)
    weights = [_CONCENTRATION * len(shares) * share / whole for share in shares]
    total, mass = sum(counts), sum(weights)
    evidence = lgamma(mass) - lgamma(mass + total)
    for count, weight, share in zip(counts, weights, shares, strict=True):
        evidence += lgamma(weight + count) - lgamma(weight) - count * log(share / whole)
    return evidence


def differs(counts: Sequence[int], shares: Sequence[float], risk: float) -> bool:
    """True when the evidence suffices at ``risk``, the chance of ever being wrong about this question."""
    return log_evidence(counts, shares) >= -log(risk)
