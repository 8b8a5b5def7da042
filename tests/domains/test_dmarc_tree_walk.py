"""The tree walk of DMARCbis: which names are asked, which policy and which organisational domain come out of it."""

from typing import Any

import pytest

from senddock.domain.dns_records.finding import Status
from senddock.domain.dns_records.profile import ReturnPath, SendingProfile, SpfLocation
from senddock.domains.check import check_domain
from senddock.domains.dmarc_walk import policy_by_walk, walk_tree

REJECT, NONE = "TXT v=DMARC1; p=reject; rua=mailto:d@example.test", "TXT v=DMARC1; p=none; rua=mailto:d@example.test"
KEY = "TXT v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="


def psd(record: str, value: str) -> str:
    return f"{record}; psd={value}"


@pytest.mark.parametrize(
    ("zone", "domain", "policy", "found_at", "organisation"),
    [
        pytest.param({"_dmarc.example.test": [REJECT]}, "example.test", "reject", "example.test", "example.test", id="own"),
        pytest.param(
            {"_dmarc.example.test": ["TXT v=DMARC1; p=reject; sp=quarantine"]},
            "a.b.example.test", "quarantine", "example.test", "example.test",
            id="of the organisation, with its sp",
        ),
        pytest.param(
            {"_dmarc.b.example.test": [REJECT], "_dmarc.example.test": [NONE]},
            "a.b.example.test", "none", "example.test", "example.test",
            id="a record in between is passed by",
        ),
        pytest.param(
            {"_dmarc.b.example.test": [psd(REJECT, "n")], "_dmarc.example.test": [NONE]},
            "a.b.example.test", "reject", "b.example.test", "b.example.test",
            id="psd=n in between ends the walk",
        ),
        pytest.param(
            {"_dmarc.b.example.test": [REJECT]},
            "a.b.example.test", "reject", "b.example.test", "b.example.test",
            id="a record in between is all there is",
        ),
        pytest.param(
            {"_dmarc.a.example.test": [psd(NONE, "n")], "_dmarc.example.test": [REJECT]},
            "a.example.test", "none", "a.example.test", "a.example.test",
            id="psd=n at the start",
        ),
        pytest.param(
            {"_dmarc.a.example.test": [NONE], "_dmarc.example.test": [REJECT]},
            "a.example.test", "none", "a.example.test", "example.test",
            id="own policy, organisation above",
        ),
        pytest.param(
            {"_dmarc.test": [psd(REJECT, "y")]}, "a.example.test", "reject", "test", "example.test",
            id="only the public suffix has a policy",
        ),
        pytest.param(
            {"_dmarc.example.test": [NONE], "_dmarc.test": [psd(REJECT, "y")]},
            "a.example.test", "none", "example.test", "example.test",
            id="the organisation comes before the public suffix",
        ),
        pytest.param(
            {"_dmarc.b.example.test": [psd(REJECT, "y")], "_dmarc.example.test": [NONE]},
            "x.a.b.example.test", "reject", "b.example.test", "a.b.example.test",
            id="psd=y ends the walk one label above the organisation",
        ),
        pytest.param(
            {"_dmarc.example.test": [psd(NONE, "y")], "_dmarc.test": [psd(REJECT, "y")]},
            "example.test", "none", "example.test", "example.test",
            id="psd=y at the start counts for the names below only",
        ),
        pytest.param(
            {"_dmarc.example.test": [psd(NONE, "u")], "_dmarc.test": [psd(REJECT, "u")]},
            "a.example.test", "reject", "test", "test",
            id="psd=u says nothing, the shortest name wins",
        ),
        pytest.param({}, "a.b.example.test", None, None, "a.b.example.test", id="none"),
        pytest.param(
            {"_dmarc.a.example.test": [NONE, REJECT], "_dmarc.example.test": [REJECT]},
            "a.example.test", "reject", "example.test", "example.test",
            id="two records are discarded",
        ),
        pytest.param(
            {"_dmarc.a.example.test": ["TXT v=spf1 -all", "TXT v=dmarc1; p=none"], "_dmarc.example.test": [REJECT]},
            "a.example.test", "reject", "example.test", "example.test",
            id="what is no DMARC record is discarded",
        ),
        pytest.param(
            {"_dmarc.example.test": ["TXT v=DMARC1; p=none; sp=quarantine; np=reject"], "a.example.test": ["A 192.0.2.1"]},
            "a.example.test", "quarantine", "example.test", "example.test",
            id="sp holds for a name that exists",
        ),
        pytest.param(
            {"_dmarc.example.test": ["TXT v=DMARC1; p=none; sp=quarantine; np=reject"]},
            "a.example.test", "reject", "example.test", "example.test",
            id="np holds for one that does not",
        ),
    ],
)  # fmt: skip
def test_the_walk_finds_policy_and_organisation(
    dns_zone, zone: dict[str, Any], domain: str, policy: str | None, found_at: str | None, organisation: str
) -> None:
    resolver = dns_zone(zone).resolver()
    walk = walk_tree(resolver, domain)
    found = policy_by_walk(resolver, walk)

    assert (found.policy, found.found_at, walk.organisation) == (policy, found_at, organisation)


@pytest.mark.parametrize(
    ("domain", "asked"),
    [
        ("example.test", ["example.test", "test"]),
        ("a.b.c.d.e.f.g.test", [*("a.b.c.d.e.f.g.test".split(".", start)[-1] for start in range(8))]),
        (
            "a.b.c.d.e.f.g.h.i.j.mail.example.test",
            [
                "a.b.c.d.e.f.g.h.i.j.mail.example.test",
                *("g.h.i.j.mail.example.test".split(".", start)[-1] for start in range(7)),
            ],
        ),
    ],
)
def test_it_asks_eight_names_at_most_and_cuts_a_long_one_to_seven_labels(
    dns_zone, domain: str, asked: list[str]
) -> None:
    server = dns_zone({})

    walk_tree(server.resolver(), domain)

    assert [name for _, name, _ in server.asked] == [f"_dmarc.{name}" for name in asked]
    assert len(asked) <= 8


def test_the_labels_that_a_long_name_loses_are_never_asked(dns_zone) -> None:
    """The record sits at a name of eight labels above one of nine: the walk jumps over it."""
    zone = {"_dmarc.b.c.d.e.f.g.h.test": [REJECT], "_dmarc.h.test": [NONE]}
    resolver = dns_zone(zone).resolver()

    assert policy_by_walk(resolver, walk_tree(resolver, "a.b.c.d.e.f.g.h.test")).found_at == "h.test"


@pytest.mark.parametrize("value", ["n", "y"])
def test_it_asks_nothing_above_a_record_that_ends_it(dns_zone, value: str) -> None:
    server = dns_zone({"_dmarc.example.test": [psd(NONE, value)]})

    walk_tree(server.resolver(), "a.example.test")

    assert [name for _, name, _ in server.asked] == ["_dmarc.a.example.test", "_dmarc.example.test"]


@pytest.mark.parametrize(
    ("broken", "policy", "status"),
    [
        ("_dmarc.a.example.test", None, Status.WARN),
        ("_dmarc.test", None, Status.WARN),
        ("_dmarc.b.a.example.test", "none", Status.PASS),
    ],
)
def test_a_name_that_does_not_answer_leaves_the_policy_open(
    dns_zone, broken: str, policy: str | None, status: Status
) -> None:
    resolver = dns_zone({"_dmarc.example.test": [NONE], broken: "SERVFAIL"}).resolver()

    found = policy_by_walk(resolver, walk_tree(resolver, "a.example.test"))

    assert (found.policy, found.unanswered, found.status) == (policy, policy is None, status)


def test_an_own_policy_is_known_even_when_a_name_above_does_not_answer(dns_zone) -> None:
    resolver = dns_zone({"_dmarc.a.example.test": [REJECT], "_dmarc.test": "SERVFAIL"}).resolver()

    found = policy_by_walk(resolver, walk_tree(resolver, "a.example.test"))

    assert (found.policy, found.unanswered) == ("reject", True)


# --- Both methods in one report

PROVIDER = SendingProfile(
    "p", "_spf.provider.test", spf_location=SpfLocation.DOMAIN, return_path=ReturnPath.SAME, selectors=("s1",)
)


def report(dns_zone, zone: dict[str, Any], domain: str, **options: Any) -> dict[str, Any]:
    return check_domain(domain, resolver=dns_zone(zone).resolver(), **options).to_json()


def test_the_report_says_which_method_gives_which_policy(dns_zone) -> None:
    zone = {"_dmarc.b.example.test": [psd(REJECT, "n")], "_dmarc.example.test": [NONE]}

    dmarc = report(dns_zone, zone, "a.b.example.test")["dmarc"]

    assert (dmarc["policy"], dmarc["found_at"], dmarc["organisational_domain"]) == (
        "none",
        "example.test",
        "example.test",
    )
    walk = dmarc["tree_walk"]
    assert (walk["policy"], walk["found_at"], walk["organisational_domain"]) == (
        "reject", "b.example.test", "b.example.test",
    )  # fmt: skip
    assert walk["asked"] == ["_dmarc.a.b.example.test", "_dmarc.b.example.test"]
    assert [("p=none" in text, "p=reject" in text) for text in dmarc["differences"]] == [(True, True), (False, False)]
    assert "b.example.test" in dmarc["differences"][1]


@pytest.mark.parametrize(
    "zone",
    [{}, {"_dmarc.example.test": [REJECT]}, {"_dmarc.example.test": [REJECT], "_dmarc.test": "SERVFAIL"}],
)
def test_nothing_is_said_of_the_methods_while_they_agree_or_one_cannot_be_told(dns_zone, zone: dict[str, Any]) -> None:
    assert report(dns_zone, zone, "mail.example.test")["dmarc"]["differences"] == []


def test_a_record_that_neither_method_reads_is_pointed_out(dns_zone) -> None:
    zone = {"_dmarc.b.example.test": [REJECT], "_dmarc.example.test": [NONE]}

    dmarc = report(dns_zone, zone, "a.b.example.test")["dmarc"]

    assert (dmarc["policy"], dmarc["tree_walk"]["policy"]) == ("none", "none")
    assert any("_dmarc.b.example.test" in note for note in dmarc["notes"])


def test_psd_y_at_a_domain_of_ones_own_is_warned_of(dns_zone) -> None:
    dmarc = report(dns_zone, {"_dmarc.example.test": [psd(REJECT, "y")]}, "example.test")["dmarc"]

    assert dmarc["status"] == "warn"
    assert any("public suffix" in text for text in dmarc["problems"])


def test_a_key_outside_the_organisation_of_the_walk_does_not_align(dns_zone) -> None:
    """The key is at example.test. By the list that is the organisation of mail.example.test, by the walk it is not."""
    zone = {
        "_dmarc.mail.example.test": [psd(REJECT, "n")],
        "s1._domainkey.example.test": [KEY],
        "mail.example.test": ["TXT v=spf1 -all"],
    }

    found = report(dns_zone, zone, "mail.example.test", providers=[PROVIDER])["providers"][0]

    assert (found["status"], found["would_break_dmarc"]) == ("fail", True)
    assert found["verdict"].startswith("For receivers that walk the tree (DMARCbis): Not a real failover")
    assert "another organisation" in found["dkim"]["why"]


def test_a_policy_that_only_the_walk_finds_makes_a_failover_unreal(dns_zone) -> None:
    zone = {"_dmarc.test": [psd(REJECT, "y")], "example.test": ["TXT v=spf1 -all"]}

    found = report(dns_zone, zone, "example.test", providers=[PROVIDER])["providers"][0]

    assert (found["would_break_dmarc"], "(DMARCbis)" in found["verdict"]) == (True, True)
