"""The vectors that training needs: of what runs learn from that wait, work or may be resumed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from evalapp.catalog.models import Item
from evalapp.contenders.models import Embedding, EmbeddingModel
from evalapp.contenders.pipeline.embeddings import made_of
from evalapp.contenders.queries.vector_references import Need
from evalapp.core.domain.job_targets import split_target
from evalapp.core.models import JobState
from evalapp.studies.models import Study
from evalapp.training.models import TrainingRun
from evalapp.training.queries.rounds import items_asked_about


def of_runs() -> Iterator[Need]:
    """Runs that are not done. A run that is resumed does not embed anew: it would learn from fewer pictures."""
    unfinished = TrainingRun.objects.filter(model=None, job__isnull=False).exclude(job__state=JobState.DONE)
    for run in unfinished.select_related("parent"):
        items = _items_of(run)
        for model, tap in [(run.parent, run.parent_tap), *made_of(run.parent), *_rival_taps(run)]:
            yield Need(f"training {run.name}", model, tap, items)


def _items_of(run: TrainingRun) -> Callable[[], list[int]]:
    kind, number = split_target(run.data)
    return partial(_of_catalogue if kind == "catalogue" else _of_study, number)


def _of_catalogue(catalogue: int) -> list[int]:
    return list(Item.objects.filter(catalogue=catalogue, removed=False).values_list("pk", flat=True))


def _of_study(study: int) -> list[int]:
    return items_asked_about(Study.objects.get(pk=study))


def _rival_taps(run: TrainingRun) -> Iterator[tuple[EmbeddingModel, str]]:
    """What a run that learns from votes compares on the same votes: embeddings of the study's catalogue."""
    kind, number = split_target(run.data)
    if kind != "study":
        return
    for embedding in Embedding.objects.filter(catalogue=Study.objects.get(pk=number).catalogue_id):
        yield embedding.model, embedding.tap
