"""How a DNS question ends is told apart as data, against a real server."""

import pytest

from senddock.domain.dns_records.lookup import Outcome
from senddock.domains.resolver import DnsResolver
from tests.ports import reserved_port


def test_it_joins_the_strings_of_a_long_txt_record(dns_zone) -> None:
    server = dns_zone({"example.test": ['TXT "v=spf1 ip4:192.0.2.1 " "ip4:192.0.2.2" " ~all"']})

    answer = server.resolver().lookup("example.test", "TXT")

    assert answer.outcome is Outcome.FOUND
    assert answer.values == ("v=spf1 ip4:192.0.2.1 ip4:192.0.2.2 ~all",)


@pytest.mark.parametrize(
    ("name", "outcome"),
    [
        ("exists.test", Outcome.NODATA),
        ("nowhere.test", Outcome.NXDOMAIN),
        ("broken.test", Outcome.SERVFAIL),
        ("refused.test", Outcome.SERVFAIL),
        ("a..b.test", Outcome.BAD_NAME),
        (f"{'x' * 64}.test", Outcome.BAD_NAME),
    ],
)
def test_it_tells_apart_how_a_question_ended(dns_zone, name: str, outcome: Outcome) -> None:
    server = dns_zone({"exists.test": ["A 192.0.2.1"], "broken.test": "SERVFAIL", "refused.test": "REFUSED"})

    answer = server.resolver().lookup(name, "TXT")

    assert answer.outcome is outcome
    assert answer.values == ()
    assert answer.unanswered is (outcome is Outcome.SERVFAIL)
    assert answer.sentence()


def test_a_silent_server_times_out_within_the_lifetime(dns_zone) -> None:
    server = dns_zone({"silent.test": "SILENT"})

    answer = server.resolver(timeout=0.1, lifetime=0.3).lookup("silent.test", "TXT")

    assert answer.outcome is Outcome.TIMEOUT
    assert 1 <= len(server.asked) <= 3, "a tenth of a second each, three tenths together"


def test_it_stops_asking_servers_that_never_answer(dns_zone) -> None:
    server = dns_zone({f"n{number}.test": "SILENT" for number in range(50)})
    resolver = server.resolver(timeout=0.1, lifetime=0.2)

    outcomes = {resolver.lookup(f"n{number}.test", "TXT").outcome for number in range(50)}

    assert outcomes == {Outcome.TIMEOUT}
    assert {name for _, name, _ in server.asked} <= {"n0.test", "n1.test"}, "two silences are enough"


def test_a_port_on_which_nobody_answers_times_out() -> None:
    resolver = DnsResolver((f"127.0.0.1:{reserved_port()}",), timeout=0.1, lifetime=0.2)

    assert resolver.lookup("a.test", "TXT").outcome is Outcome.TIMEOUT


def test_it_asks_nothing_more_once_its_budget_is_used_up(dns_zone) -> None:
    server = dns_zone({"example.test": ["TXT hello"]})
    now = [0.0]
    resolver = DnsResolver(server.servers, budget=10, monotonic=lambda: now[0])
    assert resolver.lookup("example.test", "TXT").outcome is Outcome.FOUND

    now[0] = 10.0

    assert resolver.lookup("example.test", "TXT").outcome is Outcome.FOUND
    assert resolver.lookup("example.test", "MX").outcome is Outcome.TIMEOUT
    assert [kind for _, _, kind in server.asked] == ["TXT"]


def test_it_asks_again_over_tcp_when_the_answer_is_truncated(dns_zone) -> None:
    long = "v=spf1 " + " ".join(f"ip4:192.0.2.{number}" for number in range(200)) + " ~all"
    server = dns_zone({"big.test": [f"TXT {long}"]})

    answer = server.resolver().lookup("big.test", "TXT")

    assert answer.values == (long,)
    assert [transport for transport, _, _ in server.asked] == ["udp", "tcp"]


@pytest.mark.parametrize("follow", [True, False], ids=["server follows", "server gives one step at a time"])
def test_it_follows_cname_chains(dns_zone, follow: bool) -> None:
    server = dns_zone(
        {
            "s1._domainkey.example.test": ["CNAME s1.domainkey.provider.test"],
            "s1.domainkey.provider.test": ["CNAME key7.provider.test"],
            "key7.provider.test": ["TXT v=DKIM1; p=abc"],
        },
        follow_cnames=follow,
    )

    answer = server.resolver().lookup("s1._domainkey.example.test", "TXT")

    assert answer.values == ("v=DKIM1; p=abc",)
    assert answer.chain == ("s1.domainkey.provider.test", "key7.provider.test")


@pytest.mark.parametrize("follow", [True, False])
def test_a_cname_to_nowhere_says_where_it_leads(dns_zone, follow: bool) -> None:
    server = dns_zone({"s1._domainkey.example.test": ["CNAME gone.provider.test"]}, follow_cnames=follow)

    answer = server.resolver().lookup("s1._domainkey.example.test", "TXT")

    assert answer.outcome is Outcome.NXDOMAIN
    assert "gone.provider.test, which does not exist" in answer.sentence()


@pytest.mark.parametrize("follow", [True, False])
def test_a_cname_loop_ends(dns_zone, follow: bool) -> None:
    zone = {"a.test": ["CNAME b.test"], "b.test": ["CNAME a.test"]}

    answer = dns_zone(zone, follow_cnames=follow).resolver(timeout=0.2, lifetime=1).lookup("a.test", "TXT")

    assert answer.unanswered


def test_it_asks_each_question_once(dns_zone) -> None:
    server = dns_zone({"example.test": ["TXT hello"]})
    resolver = server.resolver()

    assert resolver.lookup("Example.Test.", "TXT") == resolver.lookup("example.test", "TXT")
    assert len(server.asked) == 1


def test_it_goes_on_to_the_next_server_when_one_fails(dns_zone) -> None:
    broken = dns_zone({"example.test": "REFUSED"})
    good = dns_zone({"example.test": ["TXT hello"]})

    resolver = DnsResolver((*broken.servers, *good.servers), timeout=1, lifetime=2)

    assert resolver.lookup("example.test", "TXT").values == ("hello",)


@pytest.mark.parametrize("server", ["ns.example.com", "127.0.0.1:0", "127.0.0.1:port", "127.0.0.1:70000", ""])
def test_it_refuses_a_server_that_is_no_address_by_name(server: str) -> None:
    with pytest.raises(ValueError, match="is not a name server"):
        DnsResolver((server,))


@pytest.mark.parametrize("server", ["127.0.0.1", "127.0.0.1:5353", "::1", "[::1]", "[::1]:5353"])
def test_it_takes_addresses_with_and_without_a_port(server: str) -> None:
    DnsResolver((server,))


def test_it_takes_the_systems_servers_when_none_are_given() -> None:
    assert DnsResolver().lookup("a..b", "TXT").outcome is Outcome.BAD_NAME
