"""What a run's page draws: curves per part, the map of validation pictures at a few epochs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from evalapp.plots.marks import Drawing
from evalapp.plots.point_cloud import point_cloud
from evalapp.plots.series import draw_series
from evalapp.training.models import Epoch

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
_TRIPLETS = ("margin_met", "validation_margin_met", "gradient_left", "validation_gradient_left")
_PLOTS = (("Loss", _LOSSES), ("Measures on validation", _MEASURES), ("Margins met, gradients left", _TRIPLETS))
_MAPS_SHOWN = 6


@dataclass(frozen=True, slots=True)
class Plot:
    """Curves of one part; `ends` are each curve's name and last value, in the order of their styles."""

    title: str
    part: str
    drawing: Drawing
    ends: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class EpochMap:
    """The map after one epoch."""

    part: str
    epoch: int
    drawing: Drawing


def plots_of(epochs: Sequence[Epoch]) -> list[Plot]:
    """Loss and measures of every part, in the order in which the parts were trained."""
    plots = []
    for part, rows in groupby(epochs, key=lambda row: row.part):
        history = list(rows)
        for title, names in _PLOTS:
            plot = _plot_part(title, part, history, names)
            if plot is not None:
                plots.append(plot)
    return plots


def _plot_part(title: str, part: str, history: Sequence[Epoch], names: Sequence[str]) -> Plot | None:
    lines = {
        name.replace("_", " "): [(row.epoch, float(row.values[name])) for row in history if name in row.values]
        for name in names
    }
    # A recipe of one step has ends to tell, and no way there.
    lines = {name: points for name, points in lines.items() if len(points) > 1}
    if not lines:
        return None
    ends = tuple((name, points[-1][1]) for name, points in lines.items())
    first, last = min(row.epoch for row in history), max(row.epoch for row in history)
    ends_text = ", ".join(f"{name} ends at {value:.3f}" for name, value in ends)
    summary = f"From epoch {first} to {last}; {ends_text}"
    return Plot(title, part, draw_series("curves", title, summary, lines, step_name="epoch"), ends)


def maps_of(epochs: Sequence[Epoch], categories: Mapping[str, str]) -> list[EpochMap]:
    """The maps of the first part at a few epochs from the first to the last; a category keeps its colour."""
    if not epochs:
        return []
    rows = [row for row in epochs if row.points and row.part == epochs[0].part]
    step = max(1, -(-len(rows) // _MAPS_SHOWN))
    chosen = rows[::step] if not rows or rows[-1] in rows[::step] else [*rows[::step][: _MAPS_SHOWN - 1], rows[-1]]
    names = sorted(set(categories.values()))
    group = {name: number for number, name in enumerate(names)}
    return [EpochMap(row.part, row.epoch, _draw_map(row, categories, group)) for row in chosen]


def _draw_map(row: Epoch, categories: Mapping[str, str], group: Mapping[str, int]) -> Drawing:
    points = [(x, y, group.get(categories.get(key, ""), 0)) for key, x, y in row.points]
    title = f"Places of {len(points)} pictures after epoch {row.epoch}"
    return point_cloud("map", title, "One colour is one category.", points)
