"""Sums over sealed blocks are read once as long as their seals hold, and no more than a bounded number is kept."""

from collections.abc import Iterable

from senddock.dispatch.known_sums import KnownSums


class Table:
    """Counts how often it is read."""

    def __init__(self, rows: int) -> None:
        self.rows, self.read_times = rows, 0

    def read(self) -> Iterable[tuple[int, int]]:
        self.read_times += 1
        return ((number, number) for number in range(self.rows))


def test_what_is_known_under_a_seal_is_not_read_again() -> None:
    known, table = KnownSums(), Table(3)
    first = known.get(("a seal", "by provider"), table.read)
    assert known.get(("a seal", "by provider"), table.read) == first == [(0, 0), (1, 1), (2, 2)]
    assert table.read_times == 1
    known.get(("another seal", "by provider"), table.read)
    known.get(("a seal", "by class"), table.read)
    assert table.read_times == 3


def test_the_least_used_goes_when_there_are_too_many_rows() -> None:
    known, table = KnownSums(most_rows=10), Table(4)
    for key in ("a", "b", "a", "c"):
        known.get(key, table.read)
    assert table.read_times == 3
    known.get("a", table.read)
    assert table.read_times == 3, "used after b, so b went"
    known.get("b", table.read)
    assert table.read_times == 4


def test_more_than_may_be_kept_is_answered_and_not_kept() -> None:
    known, table = KnownSums(most_rows=10), Table(11)
    assert len(known.get("a", table.read)) == 11
    known.get("a", table.read)
    assert table.read_times == 2
