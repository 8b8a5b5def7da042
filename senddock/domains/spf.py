"""SPF as RFC 7208 evaluates it: `walk_spf` reads a whole record, `check_host` judges one sending address."""

from senddock.domains.spf_check import SpfEvaluation, SpfResult, check_host
from senddock.domains.spf_walk import walk_spf, walk_spf_text

__all__ = ["SpfEvaluation", "SpfResult", "check_host", "walk_spf", "walk_spf_text"]
