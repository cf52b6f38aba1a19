"""Neighbours of a study's queries: searched in full, or carried over from the round before where nothing changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypedDict

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from evalapp.contenders.models import Embedding
from evalapp.contenders.pipeline import embeddings
from evalapp.contenders.services.registration import count_vectors
from evalapp.core.domain.errors import Problem
from evalapp.core.domain.job_plans import Fault
from evalapp.studies.models import Contender, Query, Study
from evalapp.studies.queries.gallery_arrays import GalleryArrays, Ids
from evalapp.studies.queries.previous_round import Earlier, earlier_round
from evalapp.studies.services import Nominated, note_absent
from models_registry.metrics import Metric, is_metric
from models_registry.neighbours import GroupPair, Neighbours, nearest, random_control, refresh_neighbours
from models_registry.store import TapStore


@dataclass(frozen=True, slots=True)
class Answers:
    """What a contender nominates for some queries, and the queries that it cannot answer."""

    nominated: Iterator[Nominated]
    faults: list[Fault]


def answers_of(study: Study, contender: Contender, queries: Sequence[Query]) -> Answers:
    """Search for these queries. The same whichever worker does it and however the queries are cut into blocks."""
    gallery = GalleryArrays(study)
    if contender.embedding is None:
        return Answers(_nominations_of(queries, gallery.ids, _at_random(study, queries, gallery)), [])
    return _Search(study, contender, contender.embedding, gallery).answer_queries(queries)


def _at_random(study: Study, queries: Sequence[Query], gallery: GalleryArrays) -> Neighbours:
    rows = gallery.rows_of([query.item_id for query in queries])
    return random_control(
        query_ids=gallery.ids_of(rows),
        gallery_ids=gallery.ids,
        query_words=gallery.words_of(rows),
        gallery_words=gallery.words_of(np.arange(len(gallery.ids))),
        seed=study.seed,
        hidden=gallery.hidden_groups(rows),
    )


class _Rules(TypedDict):
    """What both kinds of search are told alike."""

    metric: Metric
    k: int
    query_ids: Ids
    gallery_ids: Ids
    lots: Ids
    hidden: list[GroupPair]


class _Search:
    """One contender's search among the items that have vectors."""

    def __init__(self, study: Study, contender: Contender, embedding: Embedding, gallery: GalleryArrays) -> None:
        self.study = study
        self.contender = contender
        self.embedding = embedding
        self.gallery = gallery
        self.metric = _metric_of(contender)
        self.folder: TapStore = embeddings.folder_of(embedding.model, embedding.tap)

    def answer_queries(self, queries: Sequence[Query]) -> Answers:
        """A query without a vector is left out and said so."""
        items = [query.item_id for query in queries]
        contents = embeddings.contents(self.embedding.model, [*self.gallery.ids.tolist(), *items])
        missing = set(self.folder.missing([content.key for content in contents]))
        key_of = {content.item: content.key for content in contents if content.key not in missing}
        has_vector = np.isin(self.gallery.ids, np.fromiter(key_of, dtype=np.int64, count=len(key_of)))
        rows = np.flatnonzero(has_vector)
        if not len(rows):
            raise Problem(f"{self.contender.name} has no vectors at all; see the faults of its embedding.")
        askable = [query for query in queries if query.item_id in key_of]
        neighbours = self._find_neighbours(askable, rows, key_of) if askable else _no_neighbours(self.study.top_k)
        count_vectors(self.embedding, len(rows))
        note_absent(self.contender, self.gallery.ids[~has_vector].tolist())
        names = {content.item: content.name for content in contents}
        absent = [item for item in items if item not in key_of]
        faults = [(names.get(item, str(item)), f"no vector of {self.contender.name}") for item in absent]
        return Answers(_nominations_of(askable, self.gallery.ids[rows], neighbours), faults)

    def _find_neighbours(self, asked_queries: Sequence[Query], rows: Ids, key_of: dict[int, bytes]) -> Neighbours:
        query_rows = self.gallery.rows_of([query.item_id for query in asked_queries])
        ids = self.gallery.ids[rows]
        queries = self.folder.reader([key_of[query.item_id] for query in asked_queries])
        gallery = self.folder.reader([key_of[int(item)] for item in ids])
        k = self.study.top_k
        if self.study.exclude == "once":
            # However many of its pictures come first, so many others are behind the largest product.
            k = min(len(ids), k * self.gallery.largest_product(rows))
        rules = _Rules(
            metric=self.metric,
            k=k,
            query_ids=self.gallery.ids_of(query_rows),
            gallery_ids=ids,
            # Of equally near items not the first of the catalogue answers everybody: that would be worth its category.
            lots=self.gallery.ids_of(query_rows),
            hidden=self.gallery.hidden_groups(query_rows, rows),
        )
        earlier = earlier_round(self.study, self.contender)
        if earlier is None:
            neighbours = nearest(queries, gallery, gallery_order=ids, device=settings.DEVICE, **rules)
            return neighbours if self.study.exclude != "once" else self._each_product_once(neighbours, rows)
        before, stale, added = self._carry_over(earlier, asked_queries, ids)
        return refresh_neighbours(before, stale, added, queries, gallery, **rules)

    def _each_product_once(self, neighbours: Neighbours, rows: Ids) -> Neighbours:
        """Of every product only its nearest picture, so many as are kept; pictures without one stay."""
        k = self.study.top_k
        products = self.gallery.product_numbers[rows]
        indices, distances = np.full((len(neighbours), k), -1, dtype=np.int64), np.full((len(neighbours), k), np.nan)
        for query, (candidates, lengths) in enumerate(zip(neighbours.indices, neighbours.distances, strict=True)):
            is_answer = candidates >= 0
            shown = candidates[is_answer]
            named = products[shown]
            first = np.zeros(len(shown), dtype=np.bool_)
            first[np.unique(named, return_index=True)[1]] = True
            kept_columns = np.flatnonzero(first | (named < 0))[:k]
            indices[query, : len(kept_columns)] = shown[kept_columns]
            distances[query, : len(kept_columns)] = lengths[is_answer][kept_columns]
        return Neighbours(indices, distances)

    def _carry_over(
        self, earlier: Earlier, queries: Sequence[Query], ids: Ids
    ) -> tuple[Neighbours, NDArray[np.bool_], Ids]:
        """The earlier answers by rows of the gallery as it is now, the queries that they do not serve, and what they
        did not look at."""
        k = self.study.top_k
        row_of = {int(item): row for row, item in enumerate(ids)}
        indices, distances = np.full((len(queries), k), -1, dtype=np.int64), np.full((len(queries), k), np.nan)
        stale = np.ones(len(queries), dtype=np.bool_)
        answers = earlier.answers_to([query.item_id for query in queries])
        for position, query in enumerate(queries):
            answer = answers.get(query.item_id, [])
            if not answer or any(item not in row_of for item, _ in answer):
                continue
            if earlier.is_relabelled(query.item_id) or any(earlier.is_relabelled(item) for item, _ in answer):
                continue
            stale[position] = False
            indices[position, : len(answer)] = [row_of[item] for item, _ in answer]
            distances[position, : len(answer)] = [distance for _, distance in answer]
        added = np.flatnonzero([not earlier.looked_at(int(item)) for item in ids])
        return Neighbours(indices, distances), stale, added


def _metric_of(contender: Contender) -> Metric:
    if not is_metric(contender.metric):
        raise Problem(f"{contender.name} has the metric {contender.metric!r}, which this version does not know.")
    return contender.metric


def _no_neighbours(k: int) -> Neighbours:
    return Neighbours(np.empty((0, k), dtype=np.int64), np.empty((0, k)))


def _nominations_of(queries: Sequence[Query], ids: Ids, neighbours: Neighbours) -> Iterator[Nominated]:
    for row, query in enumerate(queries):
        for rank, (candidate, distance) in enumerate(
            zip(neighbours.indices[row].tolist(), neighbours.distances[row].tolist(), strict=True), start=1
        ):
            if candidate >= 0:
                known_distance = None if np.isnan(distance) else distance
                yield Nominated(query.pk, int(ids[candidate]), rank, known_distance)
