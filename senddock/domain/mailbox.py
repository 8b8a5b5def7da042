"""Where a recipient's mailbox is, as far as the address tells: names that statistics are kept under.

The world's domains are too many to count each by name. Those of the large public mailbox providers are, and the busiest
domains of the installation itself; all others are counted together. A company's own domain that is hosted by Google or
Microsoft is counted as itself: following MX records would cost a look-up for each message.
"""

from collections import Counter
from collections.abc import Iterable

#: Name for what is not counted by name.
OTHER = "other"
#: Domains counted by name at most, besides the well-known ones.
MOST_NAMED = 100

_GROUPS = {
    "Google": "gmail.com googlemail.com",
    "Microsoft": "outlook.com hotmail.com live.com msn.com hotmail.co.uk hotmail.fr outlook.de outlook.fr live.nl",
    "Yahoo": "yahoo.com ymail.com aol.com yahoo.co.uk yahoo.fr yahoo.de yahoo.co.jp yahoo.co.in rocketmail.com",
    "Apple": "icloud.com me.com mac.com",
    "GMX and WEB.DE": "gmx.de gmx.net gmx.at gmx.ch gmx.com web.de",
    "Telekom": "t-online.de",
    "Yandex": "yandex.ru yandex.com ya.ru",
    "Mail.ru": "mail.ru bk.ru list.ru inbox.ru",
    "Proton": "proton.me protonmail.com pm.me",
    "Zoho": "zoho.com",
    "Fastmail": "fastmail.com fastmail.fm",
    "Orange": "orange.fr wanadoo.fr",
    "Free": "free.fr",
    "Libero": "libero.it",
    "Tencent": "qq.com foxmail.com",
    "NetEase": "163.com 126.com yeah.net",
    "Naver": "naver.com",
    "Comcast": "comcast.net",
}
_PROVIDERS = {domain: name for name, domains in _GROUPS.items() for domain in domains.split()}


def counted_as(domain: str, named: frozenset[str] = frozenset()) -> str:
    """The name statistics use for a recipient's domain."""
    domain = domain.lower()
    return domain if domain in _PROVIDERS or domain in named else OTHER


def mailbox_provider(domain: str) -> str:
    """The mailbox provider of a well-known domain, such as ``Google``; ``other`` for the rest."""
    return _PROVIDERS.get(domain.lower(), OTHER)


def busiest(domains: Iterable[str], named: Iterable[str] = ()) -> frozenset[str]:
    """Which domains to count by name, from a sample of recipients' domains and those named so far.

    A name that is in use keeps its place while there is room, so that a quiet week does not cut its history in two; when
    room is short the busier one wins.
    """
    counts = Counter(domain.lower() for domain in domains)
    kept = {domain: counts.pop(domain, 0) for domain in named}
    fresh = [domain for domain, number in counts.most_common(MOST_NAMED) if domain not in _PROVIDERS and number > 1]
    ranked = sorted(kept, key=lambda domain: (-kept[domain], domain))
    while fresh and len(ranked) + len(fresh) > MOST_NAMED:
        if ranked and kept[ranked[-1]] < counts[fresh[-1]]:
            ranked.pop()
        else:
            fresh.pop()
    return frozenset([*ranked, *fresh][:MOST_NAMED])
