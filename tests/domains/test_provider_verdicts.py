"""Would a provider's mail for a domain pass DMARC, and is it a real failover?"""

from dataclasses import replace
from typing import Any

import pytest

from senddock.domain.dns_records.finding import Status
from senddock.domain.dns_records.profile import ExpectedRecord, ReturnPath, SendingProfile, SpfLocation
from senddock.domain.dns_records.provider_verdict import ProviderVerdict
from senddock.domains.check import check_domain

KEY = "TXT v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
REJECT = ["TXT v=DMARC1; p=reject; rua=mailto:d@example.test"]
INCLUDE = {"_spf.provider.test": ["TXT v=spf1 ip4:192.0.2.0/24 -all"]}

#: Mail comes from the domain itself.
MAILBOX = SendingProfile(
    "mailbox", "_spf.provider.test", spf_location=SpfLocation.DOMAIN, return_path=ReturnPath.SAME, selectors=("mb",)
)
#: Mail comes from a label below the domain.
RELAY = SendingProfile(
    "relay",
    "_spf.provider.test",
    spf_location=SpfLocation.RETURN_PATH,
    return_path=ReturnPath.LABEL,
    return_path_label="send",
    return_path_records=(
        ExpectedRecord("MX", "<return-path>", "feedback.provider.test", 10),
        ExpectedRecord("TXT", "<return-path>", "v=spf1 include:_spf.provider.test ~all"),
    ),
    selectors=("relay",),
    dkim_records=(ExpectedRecord("TXT", "relay._domainkey", "p=<key>"),),
)
#: Mail comes from the provider's own domain.
SHARED = SendingProfile("shared", "_spf.provider.test", return_path=ReturnPath.SHARED, selectors=("sh",))
#: The same, and the selectors are tokens that only the provider knows.
TOKENS = replace(
    SHARED,
    key="tokens",
    selectors=(),
    dkim_kind="CNAME",
    dkim_records=(ExpectedRecord("CNAME", "<token1>._domainkey", "<token1>.dkim.provider.test"),),
)


def verdict(
    dns_zone, zone: dict[str, Any], profile: SendingProfile, domain: str = "example.test", **options: Any
) -> ProviderVerdict:
    resolver = dns_zone({**INCLUDE, **zone}).resolver()
    report = check_domain(domain, providers=[profile], resolver=resolver, **options)
    found = report.verdict(profile.key)
    assert found is not None
    return found


def test_spf_and_dkim_at_the_domain_pass_together(dns_zone) -> None:
    found = verdict(
        dns_zone,
        {
            "example.test": ["TXT v=spf1 include:_spf.provider.test -all"],
            "mb._domainkey.example.test": [KEY],
            "_dmarc.example.test": REJECT,
        },
        MAILBOX,
    )

    assert (found.status, found.would_break_dmarc) == (Status.PASS, False)
    assert (found.spf.counts, found.dkim.counts) == (True, True)


def test_spf_alone_passes_with_a_warning(dns_zone) -> None:
    found = verdict(
        dns_zone,
        {"example.test": ["TXT v=spf1 include:_spf.provider.test -all"], "_dmarc.example.test": REJECT},
        MAILBOX,
    )

    assert (found.status, found.would_break_dmarc) == (Status.WARN, False)
    assert "forwarding" in found.sentence


def test_a_provider_that_is_neither_authorised_nor_signing_is_not_a_real_failover(dns_zone) -> None:
    found = verdict(
        dns_zone, {"example.test": ["TXT v=spf1 mx -all", "MX 0 example.test"], "_dmarc.example.test": REJECT}, MAILBOX
    )

    assert (found.status, found.would_break_dmarc) == (Status.FAIL, True)
    assert found.sentence.startswith("Not a real failover")
    assert "is refused" in found.sentence


@pytest.mark.parametrize(
    ("policy", "breaks", "effect"),
    [("none", True, "reported"), ("quarantine", True, "spam"), ("reject", True, "refused"), (None, False, "not auth")],
)
def test_what_a_failure_does_depends_on_the_policy(dns_zone, policy: str | None, breaks: bool, effect: str) -> None:
    zone = {"_dmarc.example.test": [f"TXT v=DMARC1; p={policy}"]} if policy else {}

    found = verdict(dns_zone, zone, SHARED)

    assert found.would_break_dmarc is breaks
    assert effect in found.sentence


def test_a_return_path_below_the_domain_aligns_relaxed(dns_zone) -> None:
    zone = {
        "send.example.test": ["TXT v=spf1 include:_spf.provider.test ~all", "MX 10 feedback.provider.test"],
        "_dmarc.example.test": REJECT,
    }

    found = verdict(dns_zone, zone, RELAY)

    assert (found.would_break_dmarc, found.spf.domain, found.spf.counts) == (False, "send.example.test", True)


def test_a_return_path_below_the_domain_does_not_align_strictly(dns_zone) -> None:
    zone = {
        "send.example.test": ["TXT v=spf1 include:_spf.provider.test ~all", "MX 10 feedback.provider.test"],
        "_dmarc.example.test": ["TXT v=DMARC1; p=reject; aspf=s"],
    }

    found = verdict(dns_zone, zone, RELAY)

    assert (found.would_break_dmarc, found.spf.authenticated, found.spf.aligned) == (True, True, False)
    assert "aspf=s" in found.sentence


@pytest.mark.parametrize(("mode", "breaks"), [("r", False), ("s", True)])
def test_a_key_of_the_organisation_aligns_unless_strict(dns_zone, mode: str, breaks: bool) -> None:
    zone = {"sh._domainkey.example.test": [KEY], "_dmarc.example.test": [f"TXT v=DMARC1; p=reject; adkim={mode}"]}

    found = verdict(dns_zone, zone, SHARED, "news.example.test")

    assert (found.would_break_dmarc, found.dkim.domain, found.dkim.authenticated) == (breaks, "example.test", True)


def test_a_shared_return_path_never_aligns_and_dkim_carries_dmarc(dns_zone) -> None:
    zone = {"sh._domainkey.example.test": [KEY], "_dmarc.example.test": REJECT}

    found = verdict(dns_zone, zone, SHARED)

    assert (found.status, found.would_break_dmarc) == (Status.PASS, False)
    assert (found.spf.aligned, found.dkim.counts) == (False, True)


@pytest.mark.parametrize("key", ["TXT v=DKIM1; p=", f"{KEY}; t=y", "TXT v=DKIM1; p=AAAA"])
def test_a_key_that_cannot_be_used_carries_nothing(dns_zone, key: str) -> None:
    found = verdict(dns_zone, {"sh._domainkey.example.test": [key], "_dmarc.example.test": REJECT}, SHARED)

    assert found.would_break_dmarc is True


def test_selectors_that_cannot_be_guessed_leave_the_question_open_until_they_are_entered(dns_zone) -> None:
    zone = {
        "abc._domainkey.example.test": ["CNAME abc.dkim.provider.test"],
        "abc.dkim.provider.test": [KEY],
        "_dmarc.example.test": REJECT,
    }

    assert verdict(dns_zone, zone, TOKENS).would_break_dmarc is None
    assert verdict(dns_zone, zone, TOKENS, selectors=["abc"]).would_break_dmarc is False


def test_a_selector_that_leads_to_somebody_else_is_not_this_providers(dns_zone) -> None:
    profile = replace(SHARED, selectors=("s1",), dkim_records=(ExpectedRecord("CNAME", "s1._domainkey", "s1.p.test"),))
    zone = {
        "s1._domainkey.example.test": ["CNAME s1.other.test"],
        "s1.other.test": [KEY],
        "s1.p.test": [KEY],
        "_dmarc.example.test": REJECT,
    }

    assert verdict(dns_zone, zone, profile).would_break_dmarc is True
    zone["s1._domainkey.example.test"] = ["CNAME s1.p.test"]
    assert verdict(dns_zone, zone, profile).would_break_dmarc is False


@pytest.mark.parametrize("broken", ["sh._domainkey.example.test", "_dmarc.example.test"])
def test_what_could_not_be_looked_up_is_left_open(dns_zone, broken: str) -> None:
    zone: dict[str, Any] = {"_dmarc.example.test": REJECT, broken: "SERVFAIL"}

    found = verdict(dns_zone, zone, SHARED)

    assert (found.status, found.would_break_dmarc) == (Status.WARN, None)
    assert "cannot be told" in found.sentence


def test_a_label_that_differs_by_account_is_asked_for(dns_zone) -> None:
    found = verdict(dns_zone, {"_dmarc.example.test": REJECT}, replace(RELAY, return_path_label=None))

    assert found.would_break_dmarc is None
    assert "label differs" in found.spf.why


def test_a_return_path_that_leads_to_the_provider_uses_its_record(dns_zone) -> None:
    alias = (ExpectedRecord("CNAME", "<return-path>", "u<N>.provider.test"),)
    profile = replace(RELAY, return_path_records=alias, spf_include=None)
    zone = {
        "send.example.test": ["CNAME u7.provider.test"],
        "u7.provider.test": ["TXT v=spf1 ip4:192.0.2.1 -all"],
        "_dmarc.example.test": REJECT,
    }

    assert verdict(dns_zone, zone, profile).spf.counts is True
    zone["u7.provider.test"] = ["A 192.0.2.1"]
    assert verdict(dns_zone, zone, profile).spf.counts is False


def test_a_server_of_ones_own_is_judged_by_its_addresses(dns_zone) -> None:
    own = SendingProfile("own", spf_location=SpfLocation.DOMAIN, addresses=("192.0.2.7",))
    zone = {"example.test": ["TXT v=spf1 ip4:192.0.2.0/29 -all"], "_dmarc.example.test": REJECT}

    assert verdict(dns_zone, zone, own).spf.counts is True
    assert verdict(dns_zone, zone, replace(own, addresses=("192.0.2.9",))).spf.counts is False


def test_an_include_met_before_the_record_breaks_still_passes(dns_zone) -> None:
    hosts = " ".join(f"a:h{number}.test" for number in range(11))
    zone: dict[str, Any] = {f"h{number}.test": ["A 203.0.113.1"] for number in range(11)}
    zone["_dmarc.example.test"] = REJECT

    zone["example.test"] = [f"TXT v=spf1 include:_spf.provider.test {hosts} -all"]
    assert verdict(dns_zone, zone, MAILBOX).spf.counts is True

    zone["example.test"] = [f"TXT v=spf1 {hosts} include:_spf.provider.test -all"]
    assert verdict(dns_zone, zone, MAILBOX).spf.counts is False
