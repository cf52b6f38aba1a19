"""Building a generation: embed what is missing, build beside what serves, verify, and let it step in its place."""

from __future__ import annotations

import logging
import secrets
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings

from evalapp.catalog.models import Catalogue
from evalapp.catalog.queries import keys_of
from evalapp.contenders.pipeline import embeddings
from evalapp.core.domain.errors import Problem
from evalapp.core.domain.job_plans import Fault, Part, Piece, Plan, Stage
from evalapp.core.models import FINAL_STATES, Job
from evalapp.search.models import Generation, GenerationState, SearchIndex
from evalapp.search.pipeline.index_evaluations import automatic_settings
from evalapp.search.pipeline.index_identification import fitted_identification, questions_outside
from evalapp.search.queries.gallery import gallery_items
from evalapp.search.services import search_indexes as services
from models_registry.index import EngineSettings, IndexProblem, build_generation, open_generation, verify_generation
from models_registry.index.generation_files import Manifest
from models_registry.metrics import is_metric
from models_registry.store import TapStore, Vectors

logger = logging.getLogger(__name__)

_TIMED_QUERIES = 50
RECALL_LOST = 0.01
"""A generation that finds so much less than the one it follows does not take its place."""


def _index_of_target(target: str) -> SearchIndex:
    indexes = SearchIndex.objects.select_related("catalogue", "embedding__model", "serving", "masker")
    return indexes.get(pk=int(target.removeprefix("index:")))


def _cut_embeddings(target: str) -> Iterator[Piece]:
    index = _index_of_target(target)
    items = list(gallery_items(index).order_by("pk").values_list("pk", flat=True))
    items += questions_outside(index)
    missing = embeddings.items_without_vectors(index.embedding.model, [index.embedding.tap], items, index.masker)
    size = embeddings.chunk_size()
    for start in range(0, len(missing), size):
        part = missing[start : start + size]
        yield Piece({"items": part}, size=len(part))


def _embed_piece(target: str, arguments: dict[str, Any]) -> list[Fault]:
    index = _index_of_target(target)
    return embeddings.embed_items(index.embedding.model, [index.embedding.tap], arguments["items"], index.masker)


def _pictures_of(_target: str, arguments: dict[str, Any]) -> list[Part]:
    return [(name, {"items": [item]}) for item, name in keys_of(arguments["items"])]


def _cut_build(_target: str) -> Iterator[Piece]:
    yield Piece({})


def _build_index(target: str, _arguments: dict[str, Any]) -> list[Fault]:
    index = _index_of_target(target)
    job = Job.objects.filter(kind="index", target=target).exclude(state__in=FINAL_STATES).first()
    # Read before the rows: what changes meanwhile is at most applied twice, never missed.
    change = Catalogue.objects.values_list("last_change", flat=True).get(pk=index.catalogue_id)
    generation = services.begin_generation(index, change, job)
    try:
        _write_generation(index, generation)
    except (IndexProblem, Problem, ValueError) as error:
        # To try it again would find the same; `finish` ends the job with the reason.
        services.fail_generation(generation, str(error))
    return []


def _write_generation(index: SearchIndex, generation: Generation) -> None:
    model, tap = index.embedding.model, index.embedding.tap
    items = list(gallery_items(index).order_by("pk").values_list("pk", flat=True))
    store = embeddings.folder_of(model, tap)
    contents = embeddings.contents(model, items, index.masker)
    missing = set(store.missing([content.key for content in contents]))
    stored = [content for content in contents if content.key not in missing]
    if not stored:
        raise Problem(f"No item of {index.catalogue} has a vector that {index} could find; see the faults.")
    vectors = store.reader([content.key for content in stored])
    engine = _engine_settings(index, vectors)
    name = f"{index.pk}/{generation.number:06d}-{secrets.token_hex(4)}"
    folder = Path(settings.INDEXES_DIR) / name
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        manifest = build_generation(
            folder,
            ids=np.array([content.item for content in stored], dtype=np.int64),
            keys=[content.key for content in stored],
            store=store,
            metrics=[metric for metric in index.metrics if is_metric(metric)],
            settings=engine,
            about={"index": index.slug, "generation": generation.number, "change": generation.built_change},
        )
        recall = min(verify_generation(folder, store).recall.values())
        _require_no_worse(index, recall)
        speed, memory = _measure_speed(folder, store, manifest)
        identification = fitted_identification(index, folder, store, manifest)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    services.finish_generation(
        generation,
        folder=name,
        engine=engine.label,
        rows=manifest.rows,
        disk_bytes=manifest.bytes,
        memory_bytes=memory,
        recall=recall,
        queries_per_cpu_second=speed,
        identification=identification,
        sha256=manifest.sha256,
    )


def _measure_speed(folder: Path, store: TapStore, manifest: Manifest) -> tuple[float, int]:
    """Questions of one thread per second of processor time, asked one at a time, and bytes in memory."""
    snapshot = open_generation(folder, store, threads=1)
    rows = np.linspace(0, manifest.rows - 1, min(_TIMED_QUERIES, manifest.rows)).astype(np.int64)
    queries = snapshot.vectors_of(rows)
    begun = time.process_time()
    for query in queries:
        snapshot.search(query, metric=manifest.metrics[0], k=10)
    return len(queries) / max(1e-6, time.process_time() - begun), snapshot.memory_bytes


def _engine_settings(index: SearchIndex, vectors: Vectors) -> EngineSettings:
    if index.engine == "auto":
        return automatic_settings(index, vectors)
    return EngineSettings.parse(index.engine, recall=index.recall, url=settings.SEARCH_ENGINE_URL)


def _require_no_worse(index: SearchIndex, recall: float) -> None:
    before = index.serving.recall if index.serving else None
    if before is not None and recall < before - RECALL_LOST:
        raise Problem(
            f"The new generation finds {recall:.3f} of the ten nearest, the serving one {before:.3f}; that one stays."
        )


def _finish_build(target: str, _state: str) -> None:
    """In the transaction that ends the job: the newest whole generation steps in, unless another did meanwhile."""
    index = _index_of_target(target)
    newest = index.generations.order_by("-number").first()
    if newest is None or newest.state != GenerationState.READY:
        raise Problem((newest.error if newest else "") or f"No generation of {index} could be built.")
    is_newer = index.serving is None or newest.number > index.serving.number
    if is_newer and not services.serve_generation(newest, instead_of=newest.follows_id):
        logger.warning("%s does not step in: another generation has begun to serve meanwhile.", newest)
    services.retire_generations(index)


PLAN = Plan(
    stages=(
        Stage("embed", "pictures", _cut_embeddings, _embed_piece, _pictures_of),
        Stage("build", "generations", _cut_build, _build_index),
    ),
    finish=_finish_build,
)
