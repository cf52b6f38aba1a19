"""The index experiment in the lab: what each engine reaches at what cost, drawn and as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.safestring import SafeString, mark_safe

from evalapp.plots.search.tradeoff import Reached, Way, draw_tradeoff
from evalapp.plots.svg_render import for_page
from evalapp.search.models import IndexExperiment, SearchIndex
from evalapp.search.queries.index_experiments import described_experiment, experiments_of

_WIDE, _NARROW = 720.0, 340.0
_SUMMARY = (
    "Each dot is an engine by its number in the table; small dots are the same engine looking at less or more. "
    "Above the dotted line it finds as much as was asked for."
)


@dataclass(frozen=True, slots=True)
class MetricView:
    """The reports under one metric, with their drawing in two widths."""

    metric: str
    lines: Sequence[dict[str, Any]]
    wide: SafeString
    narrow: SafeString


@dataclass(frozen=True, slots=True)
class ExperimentView:
    """The newest experiment that is whole, and the one under way."""

    shown: IndexExperiment | None
    metrics: Sequence[MetricView]
    running: IndexExperiment | None
    failed: IndexExperiment | None


def experiment_view(index: SearchIndex) -> ExperimentView:
    """For the page of an index."""
    experiments = experiments_of(index)
    shown = next((one for one in experiments if one.done_at), None)
    newest = experiments[0] if experiments else None
    unfinished = newest if newest is not None and newest.done_at is None else None
    ended = unfinished is not None and (unfinished.job is None or unfinished.job.is_final)
    return ExperimentView(
        shown,
        _metric_views(shown) if shown is not None else (),
        None if ended else unfinished,
        unfinished if ended else None,
    )


def _metric_views(experiment: IndexExperiment) -> list[MetricView]:
    reports = described_experiment(experiment)["reports"]
    views = []
    for metric in experiment.metrics:
        lines = [
            {**report, "number": number, "chosen": report["engine"] == experiment.choice}
            for number, report in enumerate((report for report in reports if report["metric"] == metric), start=1)
        ]
        if lines:
            wide, narrow = (_draw_tradeoff(experiment, metric, lines, width) for width in (_WIDE, _NARROW))
            views.append(MetricView(metric, lines, wide, narrow))
    return views


def _draw_tradeoff(
    experiment: IndexExperiment, metric: str, lines: Sequence[dict[str, Any]], width: float
) -> SafeString:
    ways = [
        Way(
            str(line["number"]),
            line["engine"],
            Reached(line["over_exact"], line["recall"]),
            tuple(Reached(one["over_exact"], one["recall"]) for one in line["efforts"] if one["effort"] != 1),
            line["chosen"],
        )
        for line in lines
    ]
    drawing = draw_tradeoff(
        f"experiment-{metric}",
        f"Recall against speed, {metric}",
        _SUMMARY,
        ways,
        wanted=experiment.recall,
        x_name="times as fast as exact, one question at a time",
        y_name="recall of the ten nearest",
        width=width,
    )
    # Our own drawing, in which every word was escaped.
    return mark_safe(for_page(drawing, f"plot-experiment-{metric}-{width:.0f}"))  # noqa: S308
