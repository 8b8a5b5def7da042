"""Anybody can publish anything: no text makes a reader raise."""

import base64

from hypothesis import given, settings
from hypothesis import strategies as st

from senddock.domain.dns_records.dkim_key import judge_dkim_key
from senddock.domain.dns_records.dmarc_record import parse_dmarc
from senddock.domain.dns_records.finding import Status
from senddock.domain.dns_records.spf_macro import domain_spec_error, expand
from senddock.domain.dns_records.spf_merge import merge_spf
from senddock.domain.dns_records.spf_record import parse_spf

TERMS = st.sampled_from(
    ["a", "mx", "-all", "~all", "all", "ip4:192.0.2.1", "ip6:::/0", "include:a.test", "redirect=b.test", "exp=c.test"]
)
NOISE = st.text(alphabet="aAzZ09%{}dir/:=.-+~?_ \té;", max_size=20)


@given(st.lists(TERMS | NOISE, max_size=12))
@settings(max_examples=150, deadline=None)
def test_an_spf_record_is_read_or_its_errors_are_named(words: list[str]) -> None:
    text = " ".join(["v=spf1", *words])

    merged = merge_spf([text], ["p.test"]).text

    assert parse_spf(merged).errors == ()
    assert "include:p.test" in merged.split(" ")
    assert merge_spf([merged], ["p.test"]).text == merged


@given(NOISE)
@settings(max_examples=150, deadline=None)
def test_a_checked_macro_string_expands(text: str) -> None:
    if domain_spec_error(text) is None:
        assert len(expand(text, lambda letter: f"{letter}.example.test")) <= 253


@given(st.binary(max_size=80))
@settings(max_examples=150, deadline=None)
def test_an_arbitrary_key_is_judged(key: bytes) -> None:
    judged = judge_dkim_key(f"v=DKIM1; k=rsa; p={base64.b64encode(key).decode()}")

    assert judged.status in {Status.FAIL, Status.PASS, Status.WARN}
    assert judged.revoked is (key == b"")


@given(st.text(max_size=60))
@settings(max_examples=150, deadline=None)
def test_an_arbitrary_policy_is_judged(text: str) -> None:
    record = parse_dmarc(f"v=DMARC1;{text}")

    assert record.policy in {None, "none", "quarantine", "reject"}
