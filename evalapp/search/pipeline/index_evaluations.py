"""Engines measured on an index's own vectors, one engine and metric at a time, and the choice that follows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.conf import settings

from evalapp.contenders.pipeline import embeddings
from evalapp.core.domain.errors import Problem
from evalapp.core.domain.job_plans import Fault, Piece, Plan, Stage
from evalapp.core.domain.job_targets import target_id
from evalapp.search.models import IndexExperiment, SearchIndex
from evalapp.search.queries.gallery import gallery_items
from evalapp.search.queries.index_experiments import kept_experiment
from evalapp.search.services.index_experiments import finish_experiment, keep_report
from models_registry.index import EFFORTS, EngineReport, EngineSettings, IndexProblem
from models_registry.index.engine_choice import automatic_engine, choose_engine
from models_registry.index.evaluation import evaluate_index
from models_registry.metrics import is_metric
from models_registry.store import Vectors

_LEAST = 100
_GROWN = 2.0
"""An experiment on so many times fewer or more vectors says nothing of these any more."""


def automatic_settings(index: SearchIndex, vectors: Vectors) -> EngineSettings:
    """What `auto` takes: by the kept experiment where it was made on about as many vectors, else measured now."""
    experiment = kept_experiment(index)
    if (
        experiment is not None
        and experiment.reports
        and experiment.rows / _GROWN <= len(vectors) <= experiment.rows * _GROWN
    ):
        reports = [EngineReport.from_json(report) for report in experiment.reports if report["metric"] in index.metrics]
        return _with_server(choose_engine(reports, recall=index.recall).settings)
    metrics = [metric for metric in index.metrics if is_metric(metric)]
    return automatic_engine(vectors, metrics, recall=index.recall).settings


def _with_server(engine: EngineSettings) -> EngineSettings:
    return EngineSettings.parse(engine.label, recall=engine.recall, url=settings.SEARCH_ENGINE_URL)


def _experiment_of_target(target: str) -> IndexExperiment:
    rows = IndexExperiment.objects.select_related("index__embedding__model")
    return rows.get(pk=target_id("experiment", target))


def _cut_experiment(target: str) -> Iterator[Piece]:
    experiment = _experiment_of_target(target)
    for metric in experiment.metrics:
        for engine in experiment.engines:
            yield Piece({"engine": engine, "metric": metric})


def _measure_engine(target: str, arguments: dict[str, Any]) -> list[Fault]:
    experiment = _experiment_of_target(target)
    engine, metric = arguments["engine"], arguments["metric"]
    try:
        engine_settings = EngineSettings.parse(engine, recall=experiment.recall, url=settings.SEARCH_ENGINE_URL)
        vectors = _stored_vectors(experiment.index)
        evaluation = evaluate_index(
            vectors, metrics=[metric], engines=[engine_settings], recall=experiment.recall, efforts=EFFORTS
        )
    except (IndexProblem, Problem) as problem:
        # Another try would find the same; the others are measured all the same.
        return [(f"{engine}, {metric}", str(problem))]
    (report,) = evaluation.reports
    keep_report(experiment.pk, {**report.to_json(), "engine": engine}, rows=len(vectors), is_sampled=evaluation.sampled)
    return []


def _stored_vectors(index: SearchIndex) -> Vectors:
    model, tap = index.embedding.model, index.embedding.tap
    items = list(gallery_items(index).order_by("pk").values_list("pk", flat=True))
    store = embeddings.folder_of(model, tap)
    keys = [content.key for content in embeddings.contents(model, items, index.masker)]
    missing = set(store.missing(keys))
    stored_keys = list(dict.fromkeys(key for key in keys if key not in missing))
    if len(stored_keys) < _LEAST:
        raise Problem(f"{index} has {len(stored_keys)} vectors; {_LEAST} are needed to measure. Build it first.")
    return store.reader(stored_keys)


def _finish_measuring(target: str, _state: str) -> None:
    """In the transaction that ends the job: what the reports speak for."""
    experiment = _experiment_of_target(target)
    if not experiment.reports:
        raise Problem("No engine could be measured; the faults say why.")
    reports = [EngineReport.from_json(one) for one in experiment.reports]
    choice = choose_engine(reports, recall=experiment.recall)
    finish_experiment(experiment.pk, choice.settings.label, choice.reason)


PLAN = Plan(stages=(Stage("measure", "engines", _cut_experiment, _measure_engine),), finish=_finish_measuring)
