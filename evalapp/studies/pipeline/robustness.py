"""Measuring how much of a study's answers survives damage to its queries. Needs the engine: not for the web process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from django.utils import timezone

from evalapp.catalog.models import Item
from evalapp.contenders.pipeline import embeddings
from evalapp.core.domain.errors import Conflict, InvalidInput, Problem
from evalapp.core.domain.job_plans import Fault, Piece, Plan, Stage
from evalapp.core.domain.job_targets import target_id
from evalapp.studies.models import Contender, Robustness, Study
from evalapp.studies.queries.galleries import gallery_items
from models_registry.embed import Picture
from models_registry.encoders.encoder_base import Encoder
from models_registry.evaluate.robustness import Asked, measure_robustness
from models_registry.metrics import is_metric
from models_registry.spec import Box


def measure_contender(
    contender: Contender,
    *,
    queries: int = 100,
    strength: float = 0.5,
    on_progress: Callable[[str], None] = lambda _name: None,
) -> Robustness:
    """Measure one contender on the study's first `queries` queries and keep what was found.

    Raises Problem for a contender that reads no pictures, Conflict before its gallery has vectors.
    """
    if not 0 <= strength <= 1:
        raise InvalidInput(f"--strength lies in 0 … 1, not {strength:g}.")
    embedding = contender.embedding
    if embedding is None or not is_metric(contender.metric):
        raise Problem(f"{contender} answers by no vectors; nothing can be damaged.")
    reads_pictures = embedding.model.spec["reads"] == "pictures"
    encoder = embeddings.warm_encoder(embedding.model_id) if reads_pictures else None
    if not isinstance(encoder, Encoder):
        raise Problem(f"{contender} has ready vectors and reads no pictures: none can be damaged.")
    asked = _queries_to_damage(contender, queries)
    lines = measure_robustness(
        encoder, embedding.tap, contender.metric, asked, strength=strength, on_progress=on_progress
    )
    row, _ = Robustness.objects.update_or_create(
        contender=contender,
        defaults={
            "queries": len(asked.pictures),
            "strength": strength,
            "lines": [line.to_json() for line in lines],
            "measured_at": timezone.now(),
        },
    )
    return row


def measurable_contenders(study: Study) -> list[Contender]:
    """The contenders that read pictures; those with ready vectors and the control do not."""
    return [
        contender
        for contender in study.contenders.select_related("embedding__model").order_by("pk")
        if contender.embedding is not None and contender.embedding.model.spec["reads"] == "pictures"
    ]


def _queries_to_damage(contender: Contender, queries: int) -> Asked:
    embedding = contender.embedding
    if embedding is None:
        raise Problem(f"{contender} answers by no vectors.")
    folder = embeddings.folder_of(embedding.model, embedding.tap)
    items = gallery_items(contender.study_id)
    contents = embeddings.contents(embedding.model, items)
    missing = set(folder.missing([content.key for content in contents]))
    present = [content for content in contents if content.key not in missing]
    if not present:
        raise Conflict(f"{contender} has no vectors yet; run: python manage.py precompute {contender.study} --wait")
    positions = contender.study.queries.order_by("position")[:queries]
    rows = Item.objects.select_related("picture").in_bulk([query.item_id for query in positions])
    query_items = [rows[query.item_id] for query in positions if query.item_id in rows]
    return Asked(
        [
            Picture(item.key, embeddings.source(item.picture.file), Box(*item.box) if item.box else None)
            for item in query_items
        ],
        np.array([item.pk for item in query_items], dtype=np.int64),
        folder.reader([content.key for content in present]),
        np.array([content.item for content in present], dtype=np.int64),
    )


def _cut_contenders(target: str) -> Iterator[Piece]:
    study = Study.objects.get(pk=target_id("study", target))
    contenders = measurable_contenders(study)
    if not contenders:
        raise Problem(f"No contender of {study} reads pictures: none can be damaged.")
    for contender in contenders:
        yield Piece({"contender": contender.pk})


def _measure_piece(_target: str, arguments: dict[str, Any]) -> list[Fault]:
    contender = Contender.objects.select_related("embedding__model", "study").filter(pk=arguments["contender"]).first()
    if contender is not None:  # else it was deleted meanwhile
        measure_contender(contender)
    return []


PLAN = Plan(stages=(Stage("damage", "contenders", _cut_contenders, _measure_piece),))
