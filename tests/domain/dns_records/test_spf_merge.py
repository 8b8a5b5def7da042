"""One SPF record to publish for several providers."""

import pytest

from senddock.domain.dns_records.spf_merge import merge_spf, txt_strings


@pytest.mark.parametrize(
    ("existing", "includes", "merged"),
    [
        ([], ["amazonses.com"], "v=spf1 include:amazonses.com ~all"),
        ([], ["a.example", "b.example", "a.example"], "v=spf1 include:a.example include:b.example ~all"),
        (["v=spf1 mx ip4:192.0.2.1 ~all"], ["a.example"], "v=spf1 mx ip4:192.0.2.1 include:a.example ~all"),
        (["v=spf1 mx -all"], ["a.example"], "v=spf1 mx include:a.example -all"),
        (["v=spf1 include:A.example ~all"], ["a.example"], "v=spf1 include:A.example ~all"),
        (["v=spf1 +include:a.example ~all"], ["a.example"], "v=spf1 +include:a.example ~all"),
        (["v=spf1 mx"], ["a.example"], "v=spf1 mx include:a.example ~all"),
        (["v=spf1 mx ?all"], [], "v=spf1 mx ~all"),
        (["v=spf1 mx +all"], [], "v=spf1 mx ~all"),
        (["v=spf1 a mx ~all", "v=spf1 mx include:b.example -all"], [], "v=spf1 a mx include:b.example ~all"),
        (["v=spf1 a redirect=c.example"], ["a.example"], "v=spf1 a include:a.example redirect=c.example"),
        (["v=spf1 redirect=c.example"], ["c.example"], "v=spf1 redirect=c.example"),
        (["v=spf1 redirect=c.example", "v=spf1 a -all"], [], "v=spf1 include:c.example a -all"),
        (["v=spf1 ?include:a.example ~all"], ["a.example"], "v=spf1 include:a.example ~all"),
        (["v=spf1 ipv4:192.0.2.1 mx ~all"], ["a.example"], "v=spf1 mx include:a.example ~all"),
        (["v=spf1 mx ~all exp=why.example"], [], "v=spf1 mx ~all exp=why.example"),
        (["v=spf1 mx ~all ip4:192.0.2.1"], ["a.example"], "v=spf1 mx include:a.example ~all"),
    ],
)
def test_it_keeps_the_operators_own_mechanisms_in_one_record(
    existing: list[str], includes: list[str], merged: str
) -> None:
    assert merge_spf(existing, includes).text == merged


def test_it_lists_addresses_of_a_server_without_an_include() -> None:
    merged = merge_spf(["v=spf1 mx ~all"], [], ["192.0.2.1", "2001:db8::1"])

    assert merged.text == "v=spf1 mx ip4:192.0.2.1 ip6:2001:db8::1 ~all"


def test_it_says_what_it_changed() -> None:
    merged = merge_spf(["v=spf1 mx", "v=spf1 ipv4:192.0.2.1 ?include:a.example ?all"], ["a.example"])

    assert merged.added == ("a.example",)
    assert len(merged.changes) == 4


def test_it_cuts_long_values_into_strings_that_join_to_the_same_value() -> None:
    value = "v=spf1 " + " ".join(f"ip4:192.0.2.{number}" for number in range(60)) + " ~all"

    strings = txt_strings(value)

    assert "".join(strings) == value
    assert max(len(part) for part in strings) == 255
