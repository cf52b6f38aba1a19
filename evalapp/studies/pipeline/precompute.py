"""From a draft to pairs: embed what is missing, search neighbours, deal the pairs, draw the renditions, score."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from evalapp.catalog.models import Cutout, Picture
from evalapp.catalog.queries import keys_of, shown_of
from evalapp.catalog.services.renditions import ensure_renditions
from evalapp.contenders.models import EmbeddingModel
from evalapp.contenders.pipeline import embeddings
from evalapp.core.domain.errors import Problem
from evalapp.core.domain.job_plans import Fault, Part, Piece, Plan, Stage
from evalapp.core.domain.job_targets import target_id
from evalapp.studies import services
from evalapp.studies.models import Contender, Pair, Study
from evalapp.studies.pipeline.neighbour_search import answers_of
from evalapp.studies.queries.galleries import gallery_items
from evalapp.studies.services import offline_scores

_SEARCH_QUERIES = 2048
_RENDITIONS = 128


def _study_of_target(target: str) -> Study:
    return Study.objects.get(pk=target_id("study", target))


def _taps_by_model(study: Study) -> dict[EmbeddingModel, list[str]]:
    """Each model of the study with the taps that its contenders need: one forward pass serves them all."""
    taps: dict[EmbeddingModel, list[str]] = {}
    for contender in study.contenders.exclude(embedding=None).select_related("embedding__model"):
        if contender.embedding is not None and contender.embedding.tap not in taps.setdefault(
            contender.embedding.model, []
        ):
            taps[contender.embedding.model].append(contender.embedding.tap)
    return taps


def _items_to_embed(study: Study) -> list[int]:
    gallery: list[int] = gallery_items(study.pk)
    in_gallery = set(gallery)
    return gallery + [item for item in study.queries.values_list("item_id", flat=True) if item not in in_gallery]


# --- Embeddings --------------------------------------------------------------------------------------------


def _cut_embeddings(target: str) -> Iterator[Piece]:
    study = _study_of_target(target)
    items = _items_to_embed(study)
    size = embeddings.chunk_size()
    for model, taps in _taps_by_model(study).items():
        missing = embeddings.items_without_vectors(model, taps, items)
        for start in range(0, len(missing), size):
            part = missing[start : start + size]
            yield Piece({"model": model.pk, "taps": taps, "items": part}, size=len(part))


def _embed_pictures(_target: str, arguments: dict[str, Any]) -> list[Fault]:
    model = EmbeddingModel.objects.get(pk=arguments["model"])
    return embeddings.embed_items(model, arguments["taps"], arguments["items"])


def _pictures_of(_target: str, arguments: dict[str, Any]) -> list[Part]:
    """The pictures of a chunk one by one, under the names that people know them by."""
    return [(name, {**arguments, "items": [item]}) for item, name in keys_of(arguments["items"])]


# --- Neighbours --------------------------------------------------------------------------------------------


def _cut_neighbours(target: str) -> Iterator[Piece]:
    study = _study_of_target(target)
    if study.opened_at is not None:
        # People vote or have voted on what was nominated: it stays, whatever could be embedded since.
        return
    queries = study.queries.count()
    for contender in study.contenders.filter(answers_sha256=""):
        for start in range(0, queries, _SEARCH_QUERIES):
            stop = min(start + _SEARCH_QUERIES, queries)
            yield Piece({"contender": contender.pk, "start": start, "stop": stop}, size=stop - start)


def _search_neighbours(target: str, arguments: dict[str, Any]) -> list[Fault]:
    study = _study_of_target(target)
    contender = Contender.objects.select_related("embedding__model").get(pk=arguments["contender"])
    block = study.queries.filter(position__gte=arguments["start"], position__lt=arguments["stop"])
    queries = list(block.order_by("position"))
    answers = answers_of(study, contender, queries)
    services.record_nominations(contender, [query.pk for query in queries], answers.nominated)
    return answers.faults


# --- Pairs and pictures ------------------------------------------------------------------------------------


def _cut_pairs(target: str) -> Iterator[Piece]:
    if _study_of_target(target).opened_at is None:
        yield Piece({})


def _deal_pairs(target: str, _arguments: dict[str, Any]) -> list[Fault]:
    services.deal_slots(_study_of_target(target))
    return []


def _cut_renditions(target: str) -> Iterator[Piece]:
    study = _study_of_target(target)
    pairs = Pair.objects.filter(study=study, slot__isnull=False)
    items = pairs.values_list("query__item_id", flat=True).union(pairs.values_list("candidate_id", flat=True))
    shown = set(shown_of(items, study.box_style).values())
    for name, kind in (("pictures", Picture), ("cutouts", Cutout)):
        ids = sorted(picture.pk for picture in shown if isinstance(picture, kind))
        for start in range(0, len(ids), _RENDITIONS):
            part = ids[start : start + _RENDITIONS]
            yield Piece({name: part}, size=len(part))


def _draw_renditions(_target: str, arguments: dict[str, Any]) -> list[Fault]:
    failed = ensure_renditions(arguments.get("pictures", ()), arguments.get("cutouts", ()))
    return [(str(picture), reason) for picture, reason in failed]


def _cut_scores(_target: str) -> Iterator[Piece]:
    yield Piece({})


def _score_contenders(target: str, _arguments: dict[str, Any]) -> list[Fault]:
    study = _study_of_target(target)
    # Without any pair there is nothing to score, and `finish` says why.
    if Pair.objects.filter(study=study, slot__isnull=False).exists():
        offline_scores.evaluate_study(study)
    return []


def _finish_precompute(target: str, _state: str) -> None:
    study = _study_of_target(target)
    if not Pair.objects.filter(study=study, slot__isnull=False).exists():
        raise Problem(f"{study} got no pairs: no contender had a neighbour to propose.")
    services.mark_ready(study)


PLAN = Plan(
    stages=(
        Stage("embed", "pictures", _cut_embeddings, _embed_pictures, _pictures_of),
        Stage("neighbours", "queries", _cut_neighbours, _search_neighbours),
        Stage("pairs", "steps", _cut_pairs, _deal_pairs),
        Stage("pictures", "pictures", _cut_renditions, _draw_renditions),
        Stage("scores", "steps", _cut_scores, _score_contenders),
    ),
    finish=_finish_precompute,
)
