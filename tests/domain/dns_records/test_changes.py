"""What has changed between two checks of a domain, and how urgent that is."""

from typing import Any

import pytest

from senddock.domain.dns_records.changes import compare

NAMES = {"1": "Resend"}


def report(
    provider: str = "pass", dmarc: str = "pass", key: str | None = "p=x", spf: str | None = "v=spf1 -all"
) -> dict[str, Any]:
    return {
        "providers": [{"provider": "1", "status": provider}],
        "spf": {"status": "pass", "record": spf},
        "dmarc": {"status": dmarc, "record": "v=DMARC1; p=none"},
        "dkim": [{"selector": "s1", "domain": "acme.com", "record": key}],
    }


@pytest.mark.parametrize(
    ("before", "after", "sentences", "alarming", "broken"),
    [
        (report(), report(), [], False, False),
        (report(), report(provider="warn"), ["Resend went from pass to warn"], True, False),
        (report(), report(provider="fail"), ["Resend went from pass to fail"], True, True),
        (report(provider="fail"), report(), ["Resend went from fail to pass"], False, False),
        (report(dmarc="missing"), report(dmarc="fail"), ["DMARC went from missing to fail"], True, True),
        (report(), report(key=None), ["The DKIM key at s1._domainkey.acme.com is gone"], True, False),
        (report(key=None), report(), ["The DKIM key at s1._domainkey.acme.com is new"], True, False),
        (report(), report(key="p=y"), ["The DKIM key at s1._domainkey.acme.com was changed"], True, False),
        (report(spf=None), report(), ["The SPF record is new: 'v=spf1 -all'"], True, False),
        (
            report(),
            report(spf="v=spf1 100%s"),
            ["The SPF record was changed from 'v=spf1 -all' to 'v=spf1 100%s'"],
            True,
            False,
        ),
    ],
)
def test_it_says_what_is_different_and_how_bad_that_is(
    before: dict[str, Any], after: dict[str, Any], sentences: list[str], alarming: bool, broken: bool
) -> None:
    found = compare(before, after, NAMES)

    assert [saying.told() for saying in found.sentences] == sentences
    assert (found.alarming, found.broken) == (alarming, broken)
