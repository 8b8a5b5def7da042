"""The stacked chart as numbers: where each bar lies; the template draws it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from senddock.dispatch.statistics import Series

#: Units of the drawing; the browser stretches it.
WIDTH, HEIGHT = 1000.0, 200.0
#: Colours there are; further providers share the last one.
COLOURS = 8


@dataclass(frozen=True, slots=True)
class Bar:
    """A provider's part of one column."""

    x: float
    y: float
    width: float
    height: float
    colour: int
    provider: str
    number: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars, the highest column, and the same figures as rows of a table."""

    bars: Sequence[Bar]
    top: int
    total: int
    starts: Sequence[datetime]
    #: Colour and name of each provider, in the order in which they are stacked.
    legend: Sequence[tuple[int, str]]
    #: Start of the step and the number of each provider.
    rows: Sequence[tuple[datetime, Sequence[int]]]


def stacked(series: Series, names: Mapping[int, str]) -> Chart:
    """One column a step, one bar a provider; a provider keeps its colour by its place in the order of ids."""
    ids = sorted(series.lines)
    numbers = {key: [int(value or 0) for value in series.lines[key]] for key in ids}
    sums = [sum(numbers[key][place] for key in ids) for place in range(len(series.starts))]
    top = max(sums, default=0)
    step = WIDTH / max(1, len(series.starts))
    colours = {key: min(place, COLOURS - 1) for place, key in enumerate(ids)}
    bars = []
    for place, at in enumerate(series.starts):
        base = HEIGHT
        for key in ids:
            number = numbers[key][place]
            if not number or not top:
                continue
            height = HEIGHT * number / top
            base -= height
            name = names.get(key, "?")
            bars.append(Bar(round(place * step + step * 0.1, 2), round(base, 2), round(step * 0.8, 2),
                            round(height, 2), colours[key], name, number, at))  # fmt: skip
    rows = [(at, [numbers[key][place] for key in ids]) for place, at in enumerate(series.starts)]
    legend = [(colours[key], names.get(key, "?")) for key in ids]
    return Chart(bars, top, sum(sums), series.starts, legend, rows[::-1])
