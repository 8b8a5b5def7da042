"""Looks up DKIM keys at selectors, CNAME chains followed."""

from collections.abc import Iterable

from senddock.domain.dns_records.selector import Selector, judge_selector
from senddock.domains.resolver import Resolver


def find_keys(resolver: Resolver, domain: str, selectors: Iterable[str]) -> list[Selector]:
    """One judged `Selector` for each of `selectors`, duplicates left out."""
    names = dict.fromkeys(name.strip().lower() for name in selectors if name.strip())
    return [judge_selector(name, domain, resolver.lookup(f"{name}._domainkey.{domain}", "TXT")) for name in names]
