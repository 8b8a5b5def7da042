"""DMARC records are read as RFC 7489 section 6.3 and 6.6.3 say."""

import pytest

from senddock.domain.dns_records.dmarc_record import dmarc_texts, nearly_dmarc, parse_dmarc
from senddock.domain.dns_records.finding import Status


def test_it_reads_every_tag_that_decides() -> None:
    record = parse_dmarc(
        "v=DMARC1; p=reject; sp=quarantine; pct=100; adkim=s; aspf=r; fo=1; "
        "rua=mailto:a@example.com!10m,mailto:b@example.net"
    )

    assert (record.policy, record.subdomain_policy, record.percent) == ("reject", "quarantine", 100)
    assert (record.strict_dkim, record.strict_spf) == (True, False)
    assert record.reports_to == ("a@example.com", "b@example.net")
    assert record.status is Status.PASS


def test_a_subdomain_inherits_the_policy_without_sp() -> None:
    assert parse_dmarc("v=DMARC1; p=reject; rua=mailto:a@example.com").subdomain_policy == "reject"


@pytest.mark.parametrize(
    ("text", "policy", "status"),
    [
        ("v=DMARC1; p=none; rua=mailto:a@example.com", "none", Status.PASS),
        ("v=DMARC1;p=QUARANTINE;rua=mailto:a@example.com;", "quarantine", Status.PASS),
        ("v=DMARC1; p=reject", "reject", Status.PASS),
        ("v=DMARC1; p=none", "none", Status.WARN),
        ("v=DMARC1; p=reject; pct=20", "reject", Status.WARN),
        ("v=DMARC1; p=reject; pct=200", "reject", Status.WARN),
        ("v=DMARC1; p=reject; aspf=strict", "reject", Status.WARN),
        ("v=DMARC1; p=reject; sp=never", "reject", Status.WARN),
        ("v=DMARC1; p=reject; psd=maybe", "reject", Status.WARN),
        ("v=DMARC1; p=reject; t=y", "reject", Status.WARN),
        ("v=DMARC1; p=reject; psd=n; t=n", "reject", Status.PASS),
        ("v=DMARC1; p=reject; rua=a@example.com", "reject", Status.WARN),
        ("v=DMARC1; adkim=s; p=reject", "reject", Status.WARN),
        ("v=DMARC1; p=block; rua=mailto:a@example.com", "none", Status.FAIL),
        ("v=DMARC1; rua=mailto:a@example.com", "none", Status.FAIL),
        ("v=DMARC1; p=block", None, Status.FAIL),
        ("v=DMARC1", None, Status.FAIL),
        ("v=DMARC1; p=none; p=reject", None, Status.FAIL),
        ("v=DMARC1; none", None, Status.FAIL),
    ],
)
def test_it_takes_the_policy_that_receivers_take(text: str, policy: str | None, status: Status) -> None:
    record = parse_dmarc(text)

    assert (record.policy, record.status) == (policy, status)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("v=DMARC1; p=none", "record"),
        ("v = DMARC1 ;p=none", "record"),
        ("v=DMARC1", "record"),
        ("v=dmarc1; p=none", "nearly"),
        (" v=DMARC1; p=none", "nearly"),
        ("v=DMARC1 p=none", "nearly"),
        ("p=none; v=DMARC1", "other"),
        ("v=spf1 -all", "other"),
    ],
)
def test_it_tells_records_from_those_that_receivers_pass_over(text: str, kind: str) -> None:
    assert bool(dmarc_texts([text])) is (kind == "record")
    assert bool(nearly_dmarc([text])) is (kind == "nearly")


def test_what_holds_for_names_that_do_not_exist_is_np_then_sp_then_p() -> None:
    assert parse_dmarc("v=DMARC1; p=none; sp=quarantine; np=reject").missing_policy == "reject"
    assert parse_dmarc("v=DMARC1; p=none; sp=quarantine").missing_policy == "quarantine"
    assert parse_dmarc("v=DMARC1; p=reject").missing_policy == "reject"


@pytest.mark.parametrize(("text", "psd"), [("psd=Y", "y"), ("psd=n", "n"), ("psd=u", "u"), ("psd=1", "u"), ("", "u")])
def test_psd_is_y_n_or_not_said(text: str, psd: str) -> None:
    assert parse_dmarc(f"v=DMARC1; p=reject; {text}").psd == psd
