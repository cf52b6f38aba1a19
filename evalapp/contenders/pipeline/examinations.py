"""A worker answers a question about a whole catalogue: it makes the vectors that are missing, then looks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from evalapp.catalog.queries import active_items
from evalapp.contenders.models import Examination
from evalapp.contenders.pipeline import embeddings
from evalapp.contenders.pipeline.published_scores import items_of_protocol, score_by_protocol
from evalapp.contenders.pipeline.registrations import cut_once
from evalapp.contenders.pipeline.suspected_items import suspected_items
from evalapp.contenders.queries.registered_models import parse_contender
from evalapp.contenders.services import examinations
from evalapp.core.domain.job_plans import Fault, Piece, Plan, Stage
from evalapp.core.domain.job_targets import target_id

MOST_SUSPECTS = 500


def _examination_of(target: str) -> Examination:
    return examinations.examination_by_id(target_id("examination", target))


def _cut_embeddings(target: str) -> Iterator[Piece]:
    row = _examination_of(target)
    contender = parse_contender(row.contender)
    if row.asks_for_faults:
        items = list(active_items(row.catalogue).values_list("pk", flat=True))
    else:
        items = items_of_protocol(row.catalogue, row.question)
    missing = embeddings.items_without_vectors(contender.model, [contender.tap], items)
    size = embeddings.chunk_size()
    for start in range(0, len(missing), size):
        part = missing[start : start + size]
        yield Piece({"items": part}, size=len(part))


def _embed_chunk(target: str, arguments: dict[str, Any]) -> list[Fault]:
    contender = parse_contender(_examination_of(target).contender)
    return embeddings.embed_items(contender.model, [contender.tap], arguments["items"])


def _answer_question(target: str, _arguments: dict[str, Any]) -> list[Fault]:
    row = _examination_of(target)
    contender = parse_contender(row.contender)
    if row.asks_for_faults:
        suspects = suspected_items(row.catalogue, contender, on_progress=_ignore_progress)
        answer = {"number": len(suspects), "suspects": [asdict(one) for one in suspects[:MOST_SUSPECTS]]}
    else:
        answer = asdict(score_by_protocol(row.catalogue, contender, row.question, on_progress=_ignore_progress))
    examinations.keep_answer(row, answer)
    return []


def _ignore_progress(_done: int, _total: int) -> None:
    """The vectors are there; nothing is left to be counted."""


PLAN = Plan(
    stages=(
        Stage("embeddings", "pictures", _cut_embeddings, _embed_chunk),
        Stage("look", "catalogues", cut_once, _answer_question),
    )
)
