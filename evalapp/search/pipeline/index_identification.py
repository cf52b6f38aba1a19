"""How sure guesses of an index are: fitted when a generation is built, on questions whose answers are known.

Where the gallery rule leaves items of the catalogue out (photos from the street, say), these are asked: they are what
people bring. Else items of the gallery are asked, which then do not answer themselves.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from django.db.models import Exists, OuterRef, Q

from evalapp.catalog.models import Flag, FlagState, Item
from evalapp.contenders.pipeline import embeddings
from evalapp.search.models import SearchIndex
from evalapp.search.queries.gallery import GalleryRow, gallery_rows
from models_registry.hash_sampling import name_words, sample_positions
from models_registry.identification import KnownQuestions, calibrate_gallery
from models_registry.identification.gallery_calibration import LEVELS
from models_registry.index import VectorIndex, open_generation
from models_registry.index.generation_files import Manifest
from models_registry.metrics import is_metric
from models_registry.store import TapStore

MOST_QUESTIONS = 2_000
MOST_OUTSIDE = 1_000
_LEAST_OUTSIDE = 200


def questions_outside(index: SearchIndex) -> list[int]:
    """Some items of the catalogue with a label that the gallery rule leaves out, the same ones every time."""
    if not index.gallery_domain and not index.gallery_split:
        return []
    active = Flag.objects.filter(item=OuterRef("pk"), state=FlagState.ACTIVE)
    inside = Q(domain=index.gallery_domain) if index.gallery_domain else Q()
    inside &= Q(split=index.gallery_split) if index.gallery_split else Q()
    rows = Item.objects.filter(catalogue=index.catalogue_id, removed=False).exclude(Exists(active)).exclude(inside)
    labelled = list(rows.exclude(product="", category="").order_by("pk").values_list("pk", "key"))
    chosen = sample_positions(name_words(key for _, key in labelled), MOST_OUTSIDE, seed=0)
    return [labelled[row][0] for row in chosen.tolist()]


def fitted_identification(index: SearchIndex, folder: Path, store: TapStore, manifest: Manifest) -> dict[str, Any]:
    """By metric and level, as plain values; empty where too little is known of the items."""
    rows = {row.item: row for row in gallery_rows(index)}
    snapshot = open_generation(folder, store, threads=1)
    gallery_rows_held = [rows.get(item) or GalleryRow(item, False, {}) for item in snapshot.ids.tolist()]
    labels: dict[str, list[str | None]] = {
        level: [row.values.get(level) for row in gallery_rows_held] for level in LEVELS
    }
    snapshot = snapshot.with_labels(snapshot.ids, labels)
    questions = _outside_questions(index, store) or _gallery_questions(snapshot, gallery_rows_held)
    fitted = {
        metric: calibrate_gallery(snapshot, metric, questions) for metric in manifest.metrics if is_metric(metric)
    }
    return {
        metric: {level: calibration.to_json() for level, calibration in levels.items()}
        for metric, levels in fitted.items()
        if levels
    }


def _gallery_questions(snapshot: VectorIndex, rows: list[GalleryRow]) -> KnownQuestions:
    sampled_rows = np.sort(np.random.default_rng(0).permutation(len(rows))[:MOST_QUESTIONS]).astype(np.int64)
    questions = [rows[row] for row in sampled_rows.tolist()]
    return KnownQuestions(
        snapshot.vectors_of(sampled_rows),
        snapshot.ids[sampled_rows],
        [row.values.get("product") for row in questions],
        [row.values.get("category") for row in questions],
    )


def _outside_questions(index: SearchIndex, store: TapStore) -> KnownQuestions | None:
    contents = embeddings.contents(index.embedding.model, questions_outside(index), index.masker)
    missing = set(store.missing([content.key for content in contents]))
    stored = [content for content in contents if content.key not in missing]
    if len(stored) < _LEAST_OUTSIDE:
        return None
    labels = {
        pk: (product or None, category or None)
        for pk, product, category in Item.objects.filter(pk__in=[one.item for one in stored]).values_list(
            "pk", "product", "category"
        )
    }
    return KnownQuestions(
        store.reader([content.key for content in stored]).rows(0, len(stored)),
        np.full(len(stored), -1, dtype=np.int64),
        [labels[content.item][0] for content in stored],
        [labels[content.item][1] for content in stored],
    )
