"""Index experiments: asked for, filled report by report, and ended with the engine that they speak for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone

from evalapp.core.domain.errors import InvalidInput
from evalapp.core.models import FINAL_STATES, Job
from evalapp.core.services.deeds import recorded
from evalapp.core.services.jobs import request_job
from evalapp.search.models import IndexExperiment, SearchIndex
from models_registry.metrics import METRICS

USUAL_ENGINES = ("exact", "faiss:rabitq", "faiss:sq8")
MEASURABLE = (*USUAL_ENGINES, "milvus")
_KEPT = 10


@recorded("asked for an experiment", "index {index}")
@transaction.atomic
def request_experiment(index: SearchIndex, engines: Sequence[str] = USUAL_ENGINES) -> IndexExperiment:
    """An experiment with its job; the one under way where there is one. Raises InvalidInput for an unknown engine."""
    locked_index = SearchIndex.objects.select_for_update().get(pk=index.pk)
    names = list(dict.fromkeys("faiss:rabitq" if name == "faiss" else name for name in engines))
    if unknown := [name for name in names if name not in MEASURABLE]:
        raise InvalidInput(f"There is no engine {unknown[0]!r}; measure some of {', '.join(MEASURABLE)}.")
    if not names:
        raise InvalidInput("Name at least one engine to measure.")
    running = (
        locked_index.experiments.filter(job__isnull=False)
        .exclude(job__state__in=FINAL_STATES)
        .select_related("job")
        .first()
    )
    if running is not None:
        return running
    metrics = [metric for metric in locked_index.metrics if metric in METRICS]
    experiment = IndexExperiment.objects.create(
        index=locked_index, engines=names, metrics=metrics, recall=locked_index.recall
    )
    experiment.job = request_job("experiment", f"experiment:{experiment.pk}")
    experiment.save(update_fields=["job"])
    old = locked_index.experiments.order_by("-pk").values_list("pk", flat=True)[_KEPT:]
    IndexExperiment.objects.filter(pk__in=list(old)).delete()
    return experiment


def job_of(experiment: IndexExperiment) -> Job:
    """The job of an experiment that was just asked for."""
    if experiment.job is None:
        raise InvalidInput(f"{experiment} has no job any more; ask for another.")
    return experiment.job


@transaction.atomic
def keep_report(experiment: int, report: Mapping[str, Any], *, rows: int, is_sampled: bool) -> None:
    """Add what was measured of an engine under a metric, in the place of what an earlier attempt found."""
    row = IndexExperiment.objects.select_for_update().get(pk=experiment)
    same = (report["engine"], report["metric"])
    others = [one for one in row.reports if (one["engine"], one["metric"]) != same]
    row.reports, row.rows, row.is_sampled = [*others, dict(report)], rows, is_sampled
    row.save(update_fields=["reports", "rows", "is_sampled"])


def finish_experiment(experiment: int, choice: str, reason: str) -> None:
    """All is measured."""
    IndexExperiment.objects.filter(pk=experiment).update(choice=choice, reason=reason, done_at=timezone.now())
