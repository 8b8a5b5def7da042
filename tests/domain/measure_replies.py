"""How many labelled replies have the right class and the right decision, and what a verdict costs.

``python -m tests.domain.measure_replies [FILE ...]``; a file has the columns class, stage, source and line, divided by
tabs. Without one: those of the tests.
"""

import csv
import sys
import time
from pathlib import Path

from senddock.domain.reply import Stage, parse_reply
from senddock.domain.verdict import VerdictClass, judge
from senddock.domain.verdict_class import CLASSES
from tests.domain.test_observed_replies import FILES, decision_of


def main(paths: list[str]) -> None:
    """Print one line a file, and each reply whose class is not the label's."""
    here = Path(__file__).parent
    for path in paths or [str(here / f"{name}.tsv") for name in FILES]:
        with Path(path).open(encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE))
        replies = [parse_reply(row["line"], Stage(row["stage"]) if row["stage"] else None) for row in rows]
        judge(replies[0])
        started = time.perf_counter()
        verdicts = [judge(reply) for reply in replies]
        took = (time.perf_counter() - started) / len(rows)
        wrong = [(row, found) for row, found in zip(rows, verdicts, strict=True) if found.cls != row["class"]]
        astray = [row for row, found in wrong if decision_of(found) != decision_of(CLASSES[VerdictClass(row["class"])])]
        for row, found in wrong:
            print(f"  {row['class']} but {found.cls} by {found.rule}: {row['line'][:120]}")
        right, decided = (100 * (1 - len(some) / len(rows)) for some in (wrong, astray))
        name = Path(path).name
        print(f"{name}: {len(rows)} replies, class {right:.1f} %, decision {decided:.1f} %, {took * 1e6:.0f} µs each")


if __name__ == "__main__":
    main(sys.argv[1:])
