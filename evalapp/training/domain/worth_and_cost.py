"""What encoders are worth beside what they cost: size, dimensions, time per picture, recall; table, plot, budgets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evalapp.plots.marks import Drawing
from evalapp.plots.svg_render import as_file
from evalapp.plots.worth_over_cost import Priced, worth_over_cost


@dataclass(frozen=True, slots=True)
class Cost:
    """One backbone with the same head as all others.

    `bytes` of its own weights (0 where it has none), `dimensions` of its vector and of the head's, `ms` per picture
    with decoding, on this machine (None for vectors computed elsewhere); recall@1 [value, high, low] of the head and
    `raw`, the backbone's own vectors, on the same unseen pictures.
    """

    backbone: str
    bytes: int
    dimensions: int
    head_dimensions: int
    ms: float | None
    recall: tuple[float, float, float]
    raw: tuple[float, float, float]

    @property
    def megabytes(self) -> float:
        """The bytes, as people say them."""
        return self.bytes / 1e6


@dataclass(frozen=True, slots=True)
class Floor:
    """What must be beaten on the same unseen pictures without any network; `recall` as in `Cost`."""

    name: str
    recall: tuple[float, float, float]


FLOORS = {"colours:l1": "colours alone", "random control": "chance"}
"""Lines of a run's table that every comparison repeats, and what they are called there."""


def floors_of(metrics: Mapping[str, Any]) -> list[Floor]:
    """Colours and chance as a finished run measured them."""
    lines = {line["name"]: line["scores"]["recall_at_1"] for line in metrics["table"]["lines"]}
    return [Floor(label, interval_of(lines[name])) for name, label in FLOORS.items() if name in lines]


def cost_from(record: Mapping[str, Any]) -> Cost:
    """The cost that a run keeps as plain values."""
    value, high, low = record["recall"]
    raw, raw_high, raw_low = record["raw"]
    return Cost(**{**record, "recall": (value, high, low), "raw": (raw, raw_high, raw_low)})


@dataclass(frozen=True, slots=True)
class Budget:
    """What an encoder may cost at most, in megabytes of weights and in milliseconds a picture; None is no limit."""

    megabytes: float | None = None
    ms: float | None = None

    def keeps_within(self, cost: Cost) -> bool:
        """Whether the encoder keeps to it; one whose time is not known keeps to no limit of time."""
        is_small = self.megabytes is None or cost.megabytes <= self.megabytes
        return is_small and (self.ms is None or (cost.ms is not None and cost.ms <= self.ms))

    @property
    def text(self) -> str:
        """Such as `5 MB and 20 ms`; empty without a limit."""
        limits = [] if self.megabytes is None else [f"{self.megabytes:g} MB"]
        return " and ".join([*limits, *([] if self.ms is None else [f"{self.ms:g} ms"])])

    def best_of(self, costs: Sequence[Cost]) -> str:
        """The line that names the best within the budget; empty without a limit."""
        if not self.text:
            return ""
        within = [cost for cost in costs if self.keeps_within(cost)]
        if not within:
            return f"None keeps to {self.text}."
        best = max(within, key=lambda cost: cost.recall[0])
        return f"The best within {self.text}: {best.backbone}, {_format_recall(best.recall)}."


def table_of(costs: Sequence[Cost], floors: Sequence[Floor]) -> str:
    """The table as Markdown, the best recall first, the floors last."""
    lines = [
        "| backbone | recall@1 with the head | its own vectors | MB | dimensions | ms per picture |",
        "|---|---|---|---|---|---|",
    ]
    for cost in sorted(costs, key=lambda one: -one.recall[0]):
        time_taken = "–" if cost.ms is None else f"{cost.ms:.1f}"
        lines.append(
            f"| {cost.backbone} | {_format_recall(cost.recall)} | {_format_recall(cost.raw)} | "
            f"{cost.bytes / 1e6:.1f} | {cost.dimensions} → {cost.head_dimensions} | {time_taken} |"
        )
    lines += [f"| {floor.name} | – | {_format_recall(floor.recall)} | – | – | – |" for floor in floors]
    return "\n".join(lines) + "\n"


def plot_of(costs: Sequence[Cost], floors: Sequence[Floor], budget: Budget | None = None) -> str:
    """The drawing as a file."""
    return as_file(drawing_of(costs, floors, budget))


def drawing_of(costs: Sequence[Cost], floors: Sequence[Floor], budget: Budget | None = None) -> Drawing:
    """Recall@1 with its interval against milliseconds per picture; the dot's area is the size on disk.

    The dots of encoders beyond the budget are hollow.
    """
    budget = budget or Budget()
    points = [
        Priced(
            cost.backbone,
            cost.ms,
            (cost.recall[0], cost.recall[2], cost.recall[1]),
            cost.bytes,
            budget.keeps_within(cost),
        )
        for cost in costs
        if cost.ms
    ]
    return worth_over_cost(
        "backbones",
        "Recall at 1 against milliseconds per picture",
        "A dot's area is the size of the network on disk; dashed lines are what needs no network.",
        points,
        floors=[(floor.name, floor.recall[0]) for floor in floors],
        cost_name="ms per picture",
        worth_name="recall@1",
        note=f"hollow: beyond {budget.text}" if budget.text else "",
    )


def interval_of(score: Mapping[str, Any]) -> tuple[float, float, float]:
    """Value, high and low of a score, 0 where it is not known."""
    return score["value"] or 0.0, score["high"] or 0.0, score["low"] or 0.0


def _format_recall(recall: tuple[float, float, float]) -> str:
    value, high, low = recall
    return f"{value:.3f} ({low:.3f}–{high:.3f})"
