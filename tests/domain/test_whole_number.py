"""What is written as a number and what only looks like one."""

import pytest

from senddock.domain.dns_records.dmarc_record import parse_dmarc
from senddock.domain.dns_records.spf_macro import domain_spec_error
from senddock.domain.whole_number import LARGEST, whole_number


@pytest.mark.parametrize(
    ("text", "number"), [("0", 0), ("7", 7), ("007", 7), (str(LARGEST), LARGEST), ("²", None), ("٣", None)]
)
def test_digits_are_a_number(text: str, number: int | None) -> None:
    assert whole_number(text) == number


@pytest.mark.parametrize("text", [None, "", " 1", "1\n", "-1", "+1", "1.0", "1e3", "x", str(LARGEST + 1), "9" * 5000])
def test_everything_else_is_none(text: str | None) -> None:
    assert whole_number(text) is None


def test_the_most_holds() -> None:
    assert (whole_number("100", 100), whole_number("101", 100)) == (100, None)


def test_records_of_strangers_cannot_make_a_reader_raise_by_a_long_number() -> None:
    assert parse_dmarc("v=DMARC1; p=none; pct=" + "9" * 5000).policy == "none"
    assert domain_spec_error("%{d" + "9" * 5000 + "}.example.test") is not None
