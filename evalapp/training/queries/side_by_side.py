"""Runs laid side by side: what they differ in, what they scored, what they cost, and which is best by what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evalapp.training.domain.worth_and_cost import Budget, Cost, Floor, cost_from, floors_of
from evalapp.training.models import TrainingRun
from evalapp.training.queries.training_runs import training_runs

MOST = 40


@dataclass(frozen=True, slots=True)
class RunLine:
    """A run, the settings in which it differs from the others, the measure of its validation, recall at 1 of its head
    and of the vectors that it started from (`value`, `low`, `high`), and its costs where they were measured."""

    run: TrainingRun
    settings: dict[str, Any]
    validation: float | None
    head: Mapping[str, Any] | None
    raw: Mapping[str, Any] | None
    cost: Cost | None


@dataclass(frozen=True, slots=True)
class SideBySide:
    """The lines, the best first. `by_validation` says that they were ordered by validation: runs of one recipe over one
    encoder, among which the test pictures are to choose none. Else by recall."""

    lines: list[RunLine]
    by_validation: bool
    floors: list[Floor]

    @property
    def costs(self) -> list[Cost]:
        """Those that were measured."""
        return [line.cost for line in self.lines if line.cost is not None]

    def best_within(self, budget: Budget) -> str:
        """In words; empty without a limit or without costs."""
        return budget.best_of(self.costs) if self.costs else ""


def ids_in(text: str) -> list[int]:
    """The ids of runs in an address, `7,12`; MOST at most, and what is no id is left out."""
    return [int(part) for part in text.split(",")[:MOST] if part.isdecimal() and len(part) < 10]


def side_by_side(ids: Sequence[int]) -> SideBySide:
    """The runs of these ids; what is not there is left out."""
    runs = list(training_runs().filter(pk__in=ids[:MOST]).order_by("pk"))
    differing = _differing_settings([run.config for run in runs])
    lines = [_run_line(run, differing) for run in runs]
    is_sweep = len(runs) > 1 and len({(run.recipe, run.parent_id, run.parent_tap) for run in runs}) == 1
    if is_sweep:
        lines.sort(key=lambda line: float("inf") if line.validation is None else -line.validation)
    else:
        lines.sort(key=lambda line: -(line.head or {}).get("value", -1.0))
    measured = next((run.metrics for run in runs if "table" in run.metrics), None)
    return SideBySide(lines, is_sweep, floors_of(measured) if measured else [])


def _run_line(run: TrainingRun, differing: Sequence[str]) -> RunLine:
    lines = run.metrics.get("table", {}).get("lines", [])
    return RunLine(
        run,
        {name: run.config.get(name) for name in differing},
        run.metrics.get("validation"),
        _known_recall(run.metrics.get("headline")),
        _known_recall(next((line for line in lines if line["name"] == "raw features:cosine"), None)),
        cost_from(run.metrics["cost"]) if "cost" in run.metrics else None,
    )


def _known_recall(line: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    recall: Mapping[str, Any] | None = (line or {}).get("scores", {}).get("recall_at_1")
    return recall if recall and recall["value"] is not None else None


def _differing_settings(configs: Sequence[Mapping[str, Any]]) -> list[str]:
    """The settings that are not the same in all of them, in the order of the recipe."""
    names = dict.fromkeys(name for config in configs for name in config)
    return [name for name in names if len({str(config.get(name)) for config in configs}) > 1]
