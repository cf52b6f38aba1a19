"""From a draft to pairs: embed what is missing, search neighbours, deal the pairs, draw the renditions, score."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from django.conf import settings

from evalapp.catalog.renditions import ensure_renditions
from evalapp.contenders import pipeline as embeddings
from evalapp.contenders.models import Embedding, EmbeddingModel
from evalapp.contenders.services import count_vectors
from evalapp.core.errors import Problem
from evalapp.core.plans import Fault, Piece, Plan, Stage
from evalapp.studies import scores, services
from evalapp.studies.arrays import GalleryArrays, Ids
from evalapp.studies.models import Contender, Gallery, Pair, Query, Study
from models_registry.metrics import Metric, is_metric
from models_registry.neighbours import Neighbours, nearest, random_control

_SEARCH_QUERIES = 2048
_RENDITIONS = 128


def _study(target: str) -> Study:
    return Study.objects.get(pk=int(target.removeprefix("study:")))


def _models(study: Study) -> dict[EmbeddingModel, list[str]]:
    """Each model of the study with the taps that its contenders need: one forward pass serves them all."""
    taps: dict[EmbeddingModel, list[str]] = {}
    for contender in study.contenders.exclude(embedding=None).select_related("embedding__model"):
        if contender.embedding is not None and contender.embedding.tap not in taps.setdefault(
            contender.embedding.model, []
        ):
            taps[contender.embedding.model].append(contender.embedding.tap)
    return taps


def _items(study: Study) -> list[int]:
    return Gallery.objects.values_list("items", flat=True).get(study=study)


# --- Embeddings --------------------------------------------------------------------------------------------


def _cut_embeddings(target: str) -> Iterator[Piece]:
    study = _study(target)
    items = _items(study)
    size = settings.CHUNK_PICTURES
    for model, taps in _models(study).items():
        missing = embeddings.items_without_vectors(model, taps, items)
        for start in range(0, len(missing), size):
            part = missing[start : start + size]
            yield Piece({"model": model.pk, "taps": taps, "items": part}, size=len(part))


def _embed(_target: str, arguments: dict[str, Any]) -> list[Fault]:
    model = EmbeddingModel.objects.get(pk=arguments["model"])
    return embeddings.embed_items(model, arguments["taps"], arguments["items"])


# --- Neighbours --------------------------------------------------------------------------------------------


def _cut_neighbours(target: str) -> Iterator[Piece]:
    study = _study(target)
    if study.opened_at is not None:
        # People vote or have voted on what was nominated: it stays, whatever could be embedded since.
        return
    queries = study.queries.count()
    for contender in study.contenders.filter(answers_sha256=""):
        for start in range(0, queries, _SEARCH_QUERIES):
            stop = min(start + _SEARCH_QUERIES, queries)
            yield Piece({"contender": contender.pk, "start": start, "stop": stop}, size=stop - start)


def _search(target: str, arguments: dict[str, Any]) -> list[Fault]:
    study = _study(target)
    contender = Contender.objects.select_related("embedding__model").get(pk=arguments["contender"])
    queries = list(
        study.queries.filter(position__gte=arguments["start"], position__lt=arguments["stop"]).order_by("position")
    )
    gallery = GalleryArrays(study)
    asked = [query.pk for query in queries]
    if contender.embedding is None:
        answers = _answers(queries, gallery.ids, _at_random(study, queries, gallery))
        services.record_nominations(contender, asked, answers)
        return []
    faults, queries, found, ids = _neighbours(study, contender, contender.embedding, queries, gallery)
    services.record_nominations(contender, asked, _answers(queries, ids, found))
    return faults


def _at_random(study: Study, queries: list[Query], gallery: GalleryArrays) -> Neighbours:
    rows = gallery.rows_of([query.item_id for query in queries])
    # A seed per block of queries: the draw does not depend on which worker does which block.
    seed = study.seed * 1_000_003 + queries[0].position
    return random_control(query_ids=gallery.ids[rows], gallery_ids=gallery.ids, seed=seed, hidden=gallery.hidden(rows))


def _neighbours(
    study: Study, contender: Contender, embedding: Embedding, queries: list[Query], gallery: GalleryArrays
) -> tuple[list[Fault], list[Query], Neighbours, Ids]:
    """Search among the items that have vectors; a query without one is left out and said so."""
    folder = embeddings.folder_of(embedding.model, embedding.tap)
    known = embeddings.contents(embedding.model, gallery.ids.tolist())
    missing = set(folder.missing([content.key for content in known]))
    present = [content for content in known if content.key not in missing]
    if not present:
        raise Problem(f"{contender.name} has no vectors at all; see the faults of its embedding.")
    key_of = {content.item: content.key for content in present}
    rows = gallery.rows_of([content.item for content in present])
    askable = [query for query in queries if query.item_id in key_of]
    asking = gallery.rows_of([query.item_id for query in askable])
    found = nearest(
        folder.reader([key_of[query.item_id] for query in askable]),
        folder.reader([content.key for content in present]),
        metric=_metric(contender),
        k=study.top_k,
        query_ids=gallery.ids[asking],
        gallery_ids=gallery.ids[rows],
        hidden=gallery.hidden(asking, rows),
    )
    count_vectors(embedding, len(present))
    names = {content.item: content.name for content in known}
    absent = [query for query in queries if query.item_id not in key_of]
    faults = [(names.get(query.item_id, str(query.item_id)), f"no vector of {contender.name}") for query in absent]
    return faults, askable, found, gallery.ids[rows]


def _metric(contender: Contender) -> Metric:
    if not is_metric(contender.metric):
        raise Problem(f"{contender.name} has the metric {contender.metric!r}, which this version does not know.")
    return contender.metric


def _answers(queries: list[Query], ids: Ids, found: Neighbours) -> Iterator[services.Nominated]:
    for row, query in enumerate(queries):
        for rank, (candidate, distance) in enumerate(
            zip(found.indices[row].tolist(), found.distances[row].tolist(), strict=True), start=1
        ):
            if candidate >= 0:
                told = None if np.isnan(distance) else distance
                yield services.Nominated(query.pk, int(ids[candidate]), rank, told)


# --- Pairs and pictures ------------------------------------------------------------------------------------


def _cut_pairs(target: str) -> Iterator[Piece]:
    if _study(target).opened_at is None:
        yield Piece({})


def _deal(target: str, _arguments: dict[str, Any]) -> list[Fault]:
    services.deal_slots(_study(target))
    return []


def _cut_renditions(target: str) -> Iterator[Piece]:
    shown = Pair.objects.filter(study=_study(target), slot__isnull=False)
    queries = shown.values_list("query__item__picture_id", flat=True)
    candidates = shown.values_list("candidate__picture_id", flat=True)
    pictures = sorted(queries.union(candidates))
    for start in range(0, len(pictures), _RENDITIONS):
        part = pictures[start : start + _RENDITIONS]
        yield Piece({"pictures": part}, size=len(part))


def _draw(_target: str, arguments: dict[str, Any]) -> list[Fault]:
    return [(str(picture), reason) for picture, reason in ensure_renditions(arguments["pictures"])]


def _cut_scores(_target: str) -> Iterator[Piece]:
    yield Piece({})


def _score(target: str, _arguments: dict[str, Any]) -> list[Fault]:
    study = _study(target)
    # Without any pair there is nothing to score, and `finish` says why.
    if Pair.objects.filter(study=study, slot__isnull=False).exists():
        scores.evaluate(study)
    return []


def _finish(target: str, _state: str) -> None:
    study = _study(target)
    if not Pair.objects.filter(study=study, slot__isnull=False).exists():
        raise Problem(f"{study} got no pairs: no contender had a neighbour to propose.")
    services.mark_ready(study)


PLAN = Plan(
    stages=(
        Stage("embed", "pictures", _cut_embeddings, _embed),
        Stage("neighbours", "queries", _cut_neighbours, _search),
        Stage("pairs", "steps", _cut_pairs, _deal),
        Stage("pictures", "pictures", _cut_renditions, _draw),
        Stage("scores", "steps", _cut_scores, _score),
    ),
    finish=_finish,
)
