"""The stacked chart as numbers: where each column lies; the template draws it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from senddock.dispatch.statistics import Series

#: Units of the drawing; the browser stretches it.
WIDTH, HEIGHT = 1000.0, 200.0
#: Colours there are; further providers share the last one.
COLOURS = 8


@dataclass(frozen=True, slots=True)
class Column:
    """One step, to point at: everything that was accepted in it."""

    x: float
    width: float
    at: datetime
    #: Providers and their numbers, in words.
    parts: str


@dataclass(frozen=True, slots=True)
class Chart:
    """What is drawn, the highest column, and the same figures as rows of a table."""

    #: Colour and outline (SVG path data) of all parts of a provider: one drawing each and not one a bar.
    shapes: Sequence[tuple[int, str]]
    columns: Sequence[Column]
    top: int
    total: int
    starts: Sequence[datetime]
    #: Colour and name of each provider, in the order in which they are stacked.
    legend: Sequence[tuple[int, str]]
    #: Start of the step and the number of each provider.
    rows: Sequence[tuple[datetime, Sequence[int]]]


def stacked(series: Series, names: Mapping[int, str]) -> Chart:
    """One column a step, one part a provider; a provider keeps its colour by its place in the order of ids."""
    ids = sorted(series.lines)
    numbers = {key: [int(value or 0) for value in series.lines[key]] for key in ids}
    sums = [sum(column) for column in zip(*numbers.values(), strict=True)] or [0] * len(series.starts)
    top = max(sums, default=0)
    step = WIDTH / max(1, len(series.starts))
    legend = [(min(place, COLOURS - 1), names.get(key, "?")) for place, key in enumerate(ids)]
    base, shapes = [HEIGHT] * len(sums), []
    for (colour, _), key in zip(legend, ids, strict=True):
        path = []
        for place, number in enumerate(numbers[key]):
            if number:
                height = HEIGHT * number / top
                path.append(_bar(place * step + step * 0.1, base[place], step * 0.8, height))
                base[place] -= height
        shapes.append((colour, "".join(path)))
    rows = [(at, [numbers[key][place] for key in ids]) for place, at in enumerate(series.starts)]
    columns = [
        Column(round(place * step, 2), round(step, 2), at, _parts(legend, row))
        for place, (at, row) in enumerate(rows)
        if sums[place]
    ]
    return Chart(shapes, columns, top, sum(sums), series.starts, legend, rows[::-1])


def _bar(x: float, y: float, width: float, height: float) -> str:
    return f"M{x:.2f} {y:.2f}h{width:.2f}v-{height:.2f}h-{width:.2f}z"


def _parts(legend: Sequence[tuple[int, str]], row: Sequence[int]) -> str:
    return ", ".join(f"{name}: {number:,}" for (_, name), number in zip(legend, row, strict=True) if number)
