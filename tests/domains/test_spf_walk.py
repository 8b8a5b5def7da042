"""A whole SPF record read to its end: what it costs, what is wrong with it, which includes count."""

from typing import Any

import pytest

from senddock.domain.dns_records.finding import Status, problems
from senddock.domain.dns_records.spf_judgement import judge_spf, permits
from senddock.domains.spf import walk_spf, walk_spf_text


def chain_of(count: int) -> dict[str, Any]:
    """A record that needs exactly `count` look-ups, one include inside the other."""
    zone: dict[str, Any] = {"example.test": ["TXT v=spf1 include:i1.test ~all"]}
    for number in range(1, count):
        zone[f"i{number}.test"] = [f"TXT v=spf1 include:i{number + 1}.test -all"]
    zone[f"i{count}.test"] = ["TXT v=spf1 ip4:192.0.2.1 -all"]
    return zone


def judged(dns_zone, zone: dict[str, Any], domain: str = "example.test"):
    tree = walk_spf(dns_zone(zone).resolver(), domain)
    return tree, judge_spf(tree)


def test_it_passes_a_good_record_and_counts_its_lookups(dns_zone) -> None:
    tree, judgement = judged(
        dns_zone,
        {
            "example.test": [
                "TXT v=spf1 a mx include:_spf.provider.test ~all",
                "A 192.0.2.1",
                "MX 10 mail.example.test",
            ],
            "mail.example.test": ["A 192.0.2.2"],
            "_spf.provider.test": ["TXT v=spf1 ip4:198.51.100.0/24 -all"],
        },
    )

    assert judgement.status is Status.PASS
    assert (judgement.lookups, judgement.voids) == (3, 0)
    assert judgement.record == "v=spf1 a mx include:_spf.provider.test ~all"
    assert [str(net) for term in tree.root.terms for net in term.networks] == ["192.0.2.1/32", "192.0.2.2/32"]


def test_ten_lookups_are_allowed(dns_zone) -> None:
    _, judgement = judged(dns_zone, chain_of(10))

    assert (judgement.status, judgement.lookups) == (Status.PASS, 10)


def test_eleven_lookups_are_too_many(dns_zone) -> None:
    _, judgement = judged(dns_zone, chain_of(11))

    assert (judgement.status, judgement.lookups) == (Status.FAIL, 11)
    assert "11 DNS look-ups" in problems(judgement.findings)[0]


def test_every_costly_mechanism_counts_and_addresses_do_not(dns_zone) -> None:
    _, judgement = judged(
        dns_zone,
        {
            "example.test": [
                "TXT v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 a mx ptr exists:e.test include:i.test redirect=r.test",
                "A 192.0.2.1",
                "AAAA 2001:db8::1",
                "MX 0 example.test",
            ],
            "e.test": ["A 127.0.0.2"],
            "i.test": ["TXT v=spf1 -all"],
            "r.test": ["TXT v=spf1 -all"],
        },
    )

    assert judgement.lookups == 6
    assert judgement.status is Status.WARN
    assert "ptr" in problems(judgement.findings)[0]


@pytest.mark.parametrize(("gone", "status"), [(2, Status.PASS), (3, Status.FAIL)])
def test_two_void_lookups_are_allowed_and_three_are_not(dns_zone, gone: int, status: Status) -> None:
    names = " ".join(f"a:gone{number}.test" for number in range(gone))

    _, judgement = judged(dns_zone, {"example.test": [f"TXT v=spf1 {names} ~all"]})

    assert (judgement.status, judgement.voids) == (status, gone)


def test_hosts_without_ipv6_addresses_harm_ipv6_senders_only(dns_zone) -> None:
    zone: dict[str, Any] = {f"h{number}.test": ["A 192.0.2.1"] for number in range(3)}
    zone["example.test"] = ["TXT v=spf1 a:h0.test a:h1.test a:h2.test ~all"]

    tree, judgement = judged(dns_zone, zone)

    assert (judgement.status, tree.voids, tree.voids_ipv6) == (Status.WARN, 0, 3)
    assert "IPv6" in problems(judgement.findings)[0]


@pytest.mark.parametrize(
    "zone",
    [
        {"example.test": ["TXT v=spf1 include:example.test ~all"]},
        {
            "example.test": ["TXT v=spf1 include:a.test ~all"],
            "a.test": ["TXT v=spf1 include:b.test ~all"],
            "b.test": ["TXT v=spf1 redirect=a.test"],
        },
    ],
)
def test_a_loop_ends_and_fails(dns_zone, zone: dict[str, Any]) -> None:
    _, judgement = judged(dns_zone, zone)

    assert judgement.status is Status.FAIL
    assert any("refers back" in text for text in problems(judgement.findings))


def test_a_record_that_doubles_at_every_step_is_not_read_to_its_end(dns_zone) -> None:
    zone: dict[str, Any] = {
        f"d{depth}.test": [f"TXT v=spf1 include:d{depth + 1}.test include:d{depth + 1}.test -all"]
        for depth in range(30)
    }
    zone["example.test"] = ["TXT v=spf1 include:d0.test ~all"]

    _, judgement = judged(dns_zone, zone)

    assert judgement.status is Status.FAIL
    assert judgement.lookups < 100


def test_two_records_are_an_error(dns_zone) -> None:
    _, judgement = judged(dns_zone, {"example.test": ["TXT v=spf1 mx ~all", "TXT other", "TXT v=spf1 a ~all"]})

    assert judgement.status is Status.FAIL
    assert "2 SPF records" in problems(judgement.findings)[0]
    assert sorted(str(judgement.record).splitlines()) == ["v=spf1 a ~all", "v=spf1 mx ~all"]


@pytest.mark.parametrize("zone", [{"example.test": ["TXT hello"]}, {"example.test": ["A 192.0.2.1"]}, {}])
def test_no_record_is_missing_and_no_error(dns_zone, zone: dict[str, Any]) -> None:
    _, judgement = judged(dns_zone, zone)

    assert (judgement.status, judgement.record, judgement.findings) == (Status.MISSING, None, ())


@pytest.mark.parametrize("broken", ["SERVFAIL", "SILENT"])
def test_an_unanswered_question_is_neither_missing_nor_failed(dns_zone, broken: str) -> None:
    tree = walk_spf(dns_zone({"example.test": broken}).resolver(timeout=0.1, lifetime=0.3), "example.test")

    judgement = judge_spf(tree)

    assert tree.unanswered
    assert judgement.status is Status.WARN
    assert "nothing is known" in problems(judgement.findings)[0]


def test_an_include_that_does_not_answer_is_a_warning(dns_zone) -> None:
    tree, judgement = judged(dns_zone, {"example.test": ["TXT v=spf1 include:b.test ~all"], "b.test": "SERVFAIL"})

    assert judgement.status is Status.WARN
    assert permits(tree, ["b.test"]).allowed is None


@pytest.mark.parametrize("zone", [{}, {"b.test": ["TXT nothing of SPF"]}])
@pytest.mark.parametrize("word", ["include:b.test", "redirect=b.test"])
def test_pointing_to_a_name_without_spf_breaks_the_record(dns_zone, zone: dict[str, Any], word: str) -> None:
    _, judgement = judged(dns_zone, {**zone, "example.test": [f"TXT v=spf1 {word}"]})

    assert judgement.status is Status.FAIL
    assert "b.test" in problems(judgement.findings)[0]


def test_long_records_in_several_strings_are_joined_without_blanks(dns_zone) -> None:
    record = '"v=spf1 include:_spf.pro" "vider.test" " ~all"'

    _, judgement = judged(
        dns_zone, {"example.test": [f"TXT {record}"], "_spf.provider.test": ["TXT v=spf1 ip4:192.0.2.1 -all"]}
    )

    assert (judgement.status, judgement.record) == (Status.PASS, "v=spf1 include:_spf.provider.test ~all")


def test_a_redirect_takes_the_place_of_all(dns_zone) -> None:
    tree, judgement = judged(
        dns_zone,
        {
            "example.test": ["TXT v=spf1 redirect=_spf.provider.test"],
            "_spf.provider.test": ["TXT v=spf1 ip4:192.0.2.1 ~all"],
        },
    )

    assert (judgement.status, judgement.lookups) == (Status.PASS, 1)
    assert tree.root.all_qualifier == "~"
    assert permits(tree, ["_spf.provider.test"]).allowed


def test_a_redirect_beside_all_is_never_read(dns_zone) -> None:
    tree, judgement = judged(dns_zone, {"example.test": ["TXT v=spf1 mx:m.test redirect=r.test ~all"], "m.test": []})

    assert judgement.lookups == 1
    assert any("never read" in text for text in problems(judgement.findings))
    assert permits(tree, ["r.test"]).allowed is False


def test_macros_of_the_domain_are_filled_in_and_others_left_open(dns_zone) -> None:
    tree, judgement = judged(
        dns_zone,
        {
            "example.test": ["TXT v=spf1 include:%{d}._spf.provider.test exists:%{i}.%{l}.e.test -all"],
            "example.test._spf.provider.test": ["TXT v=spf1 ip4:192.0.2.1 -all"],
        },
    )

    include, exists, _ = tree.root.terms
    assert (judgement.status, judgement.lookups) == (Status.PASS, 2)
    assert include.target == "example.test._spf.provider.test"
    assert (exists.target, exists.dynamic) == (None, True)


@pytest.mark.parametrize(
    ("record", "status", "word"),
    [
        ("v=spf1 +all", Status.FAIL, "+all"),
        ("v=spf1 ip4:192.0.2.1", Status.WARN, "does not end"),
        ("v=spf1 ip4:192.0.2.1 ?all", Status.WARN, "?all"),
        ("v=spf1 ip4:192.0.2.1 ~all mx", Status.WARN, "after 'all'"),
        ("v=spf1 ipv4:192.0.2.1 ~all", Status.FAIL, "ipv4"),
        ("v=spf1 include:all.test ~all", Status.FAIL, "every server"),
    ],
)
def test_it_says_what_is_wrong_with_a_record(dns_zone, record: str, status: Status, word: str) -> None:
    _, judgement = judged(dns_zone, {"example.test": [f"TXT {record}"], "all.test": ["TXT v=spf1 +all"]})

    assert judgement.status is status
    assert word in problems(judgement.findings)[0]


def test_more_than_ten_mail_servers_break_the_record(dns_zone) -> None:
    hosts = [f"MX {number} m{number}.test" for number in range(11)]
    zone: dict[str, Any] = {f"m{number}.test": ["A 192.0.2.1", "AAAA 2001:db8::1"] for number in range(11)}

    _, judgement = judged(dns_zone, {**zone, "example.test": ["TXT v=spf1 mx ~all", *hosts]})

    assert judgement.status is Status.FAIL
    assert "11 mail servers" in problems(judgement.findings)[0]


@pytest.mark.parametrize(
    ("record", "allowed"),
    [
        ("v=spf1 include:p.test ~all", True),
        ("v=spf1 include:outer.test ~all", True),
        ("v=spf1 redirect=outer.test", True),
        ("v=spf1 ?include:p.test ~all", False),
        ("v=spf1 -include:p.test ~all", False),
        ("v=spf1 ?include:outer.test ~all", False),
        ("v=spf1 ~all include:p.test", False),
        ("v=spf1 mx:p.test ~all", False),
        ("v=spf1 ip4:192.0.2.0/24 ~all", True),
        ("v=spf1 ip4:192.0.2.128/25 ~all", False),
        ("v=spf1 include:p.test ipv4:broken ~all", False),
    ],
)
def test_it_tells_whether_a_record_lets_a_provider_send(dns_zone, record: str, allowed: bool) -> None:
    resolver = dns_zone(
        {
            "example.test": [f"TXT {record}"],
            "outer.test": ["TXT v=spf1 include:p.test -all"],
            "p.test": ["TXT v=spf1 ip4:192.0.2.0/24 -all", "MX 0 example.test"],
        }
    ).resolver()

    permission = permits(walk_spf(resolver, "example.test"), ["p.test"], walk_spf(resolver, "p.test"))

    assert permission.allowed is allowed
    assert permission.flattened is ("ip4:192.0.2.0/24" in record)


def test_an_include_that_is_read_after_the_tenth_lookup_does_not_count(dns_zone) -> None:
    zone = chain_of(9)
    zone["example.test"] = ["TXT v=spf1 include:i1.test include:b.test include:p.test ~all"]
    zone["b.test"] = zone["p.test"] = ["TXT v=spf1 ip4:198.51.100.1 -all"]

    permission = permits(walk_spf(dns_zone(zone).resolver(), "example.test"), ["p.test"])

    assert permission.allowed is False
    assert permission.lookups == 11


def test_it_tells_what_a_record_would_cost_before_it_is_published(dns_zone) -> None:
    resolver = dns_zone({"p.test": ["TXT v=spf1 include:q.test -all"], "q.test": ["TXT v=spf1 -all"]}).resolver()

    assert walk_spf_text(resolver, "example.test", "v=spf1 include:p.test ~all").lookups == 2


def test_the_tree_is_shown_with_every_record_behind_it(dns_zone) -> None:
    tree, _ = judged(dns_zone, chain_of(2))

    shown = tree.to_json()

    assert shown["terms"][0]["record"]["terms"][0]["record"]["record"] == "v=spf1 ip4:192.0.2.1 -all"
    assert shown["terms"][0]["lookups_after"] == 2
