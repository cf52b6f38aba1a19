"""What a run's page draws: curves per part, the map of validation pictures at a few epochs. Geometry only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from evalapp.training.models import Epoch

WIDTH, HEIGHT = 320, 160
_LOSSES = ("loss", "validation_loss")
_MEASURES = (
    "recall_at_1",
    "map_at_r",
    "category_match",
    "validation_accuracy",
    "triplet_accuracy",
    "validation_triplet_accuracy",
    "validation_auc",
)
_MAPS_SHOWN = 6
_COLOURS = 8


@dataclass(frozen=True, slots=True)
class Curve:
    """One line: its name, the SVG points, the last value, and the number of its style."""

    name: str
    points: str
    last: float
    style: int


@dataclass(frozen=True, slots=True)
class Plot:
    """Curves in one frame of WIDTH x HEIGHT; `low` and `high` are the values at its lower and upper edge."""

    title: str
    part: str
    curves: tuple[Curve, ...]
    low: float
    high: float
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Dot:
    """A picture on a map, in percent of its side; `style` is the number of its category's colour."""

    x: float
    y: float
    style: int


@dataclass(frozen=True, slots=True)
class EpochMap:
    """The map after one epoch."""

    part: str
    epoch: int
    dots: tuple[Dot, ...]

    @property
    def count(self) -> int:
        """How many pictures are on it."""
        return len(self.dots)


def plots_of(epochs: Sequence[Epoch]) -> list[Plot]:
    """Loss and measures of every part, in the order in which the parts were trained."""
    found = []
    for part, rows in groupby(epochs, key=lambda row: row.part):
        history = list(rows)
        for title, names in (("Loss", _LOSSES), ("Measures on validation", _MEASURES)):
            plot = _plot(title, part, history, names)
            if plot is not None:
                found.append(plot)
    return found


def _plot(title: str, part: str, history: Sequence[Epoch], names: Sequence[str]) -> Plot | None:
    series = {name: [(row.epoch, float(row.values[name])) for row in history if name in row.values] for name in names}
    series = {name: points for name, points in series.items() if points}
    if not series:
        return None
    values = [value for points in series.values() for _, value in points]
    low, high = min(0.0, *values), max(values)
    first, last = min(row.epoch for row in history), max(row.epoch for row in history)
    curves = tuple(
        Curve(name.replace("_", " "), _points(points, first, last, low, high), points[-1][1], style)
        for style, (name, points) in enumerate(series.items())
    )
    return Plot(title, part, curves, low, high, first, last)


def _points(points: Sequence[tuple[int, float]], first: int, last: int, low: float, high: float) -> str:
    across, up = max(last - first, 1), max(high - low, 1e-12)
    return " ".join(
        f"{(epoch - first) / across * WIDTH:.1f},{HEIGHT - (value - low) / up * HEIGHT:.1f}" for epoch, value in points
    )


def maps_of(epochs: Sequence[Epoch], categories: Mapping[str, str]) -> list[EpochMap]:
    """The maps of the first part at a few epochs from the first to the last; a category keeps its colour."""
    if not epochs:
        return []
    rows = [row for row in epochs if row.points and row.part == epochs[0].part]
    step = max(1, -(-len(rows) // _MAPS_SHOWN))
    chosen = rows[::step] if not rows or rows[-1] in rows[::step] else [*rows[::step][: _MAPS_SHOWN - 1], rows[-1]]
    names = sorted(set(categories.values()))
    style = {name: number % _COLOURS for number, name in enumerate(names)}
    return [
        EpochMap(
            row.part,
            row.epoch,
            tuple(
                Dot(round(50 + 48 * x, 1), round(50 - 48 * y, 1), style.get(categories.get(key, ""), 0))
                for key, x, y in row.points
            ),
        )
        for row in chosen
    ]
