"""Index experiments that were made, and what they say."""

from __future__ import annotations

from typing import Any

from evalapp.search.models import IndexExperiment, SearchIndex


def experiments_of(index: SearchIndex) -> list[IndexExperiment]:
    """The newest first, with their jobs."""
    return list(index.experiments.select_related("job").order_by("-pk")[:10])


def kept_experiment(index: SearchIndex) -> IndexExperiment | None:
    """The newest whole experiment in what the index serves now, at the recall that it asks for now."""
    whole = index.experiments.filter(done_at__isnull=False, recall=index.recall)
    return whole.filter(metrics__contains=index.metrics).order_by("-pk").first()


def described_experiment(experiment: IndexExperiment) -> dict[str, Any]:
    """An experiment as commands and the API tell of it; reports by metric, then in the order asked for."""
    order = {(metric, engine): n for n, (metric, engine) in enumerate(_metric_engine_pairs(experiment))}
    reports = sorted(experiment.reports, key=lambda one: order.get((one["metric"], one["engine"]), len(order)))
    return {
        "experiment": experiment.pk,
        "job": experiment.job_id,
        "rows": experiment.rows,
        "sampled": experiment.is_sampled,
        "recall_asked": experiment.recall,
        "reports": reports,
        "choice": experiment.choice or None,
        "reason": experiment.reason,
        "asked_at": experiment.asked_at,
        "done_at": experiment.done_at,
    }


def _metric_engine_pairs(experiment: IndexExperiment) -> list[tuple[str, str]]:
    return [(metric, engine) for metric in experiment.metrics for engine in experiment.engines]
