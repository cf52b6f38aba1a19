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
        return Answers(_nominated(queries, gallery.ids, _at_random(study, queries, gallery)), [])
    return _Search(study, contender, contender.embedding, gallery).answers(queries)


def _at_random(study: Study, queries: Sequence[Query], gallery: GalleryArrays) -> Neighbours:
    rows = gallery.rows_of([query.item_id for query in queries])
    return random_control(
        query_ids=gallery.ids_of(rows),
        gallery_ids=gallery.ids,
        query_words=gallery.words_of(rows),
        gallery_words=gallery.words_of(np.arange(len(gallery.ids))),
        seed=study.seed,
        hidden=gallery.hidden(rows),
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
        self.metric = _metric(contender)
        self.folder: TapStore = embeddings.folder_of(embedding.model, embedding.tap)

    def answers(self, queries: Sequence[Query]) -> Answers:
        """A query without a vector is left out and said so."""
        items = [query.item_id for query in queries]
        known = embeddings.contents(self.embedding.model, [*self.gallery.ids.tolist(), *items])
        missing = set(self.folder.missing([content.key for content in known]))
        key_of = {content.item: content.key for content in known if content.key not in missing}
        there = np.isin(self.gallery.ids, np.fromiter(key_of, dtype=np.int64, count=len(key_of)))
        rows = np.flatnonzero(there)
        if not len(rows):
            raise Problem(f"{self.contender.name} has no vectors at all; see the faults of its embedding.")
        askable = [query for query in queries if query.item_id in key_of]
        found = self._found(askable, rows, key_of) if askable else _nothing(self.study.top_k)
        count_vectors(self.embedding, len(rows))
        note_absent(self.contender, self.gallery.ids[~there].tolist())
        names = {content.item: content.name for content in known}
        absent = [item for item in items if item not in key_of]
        faults = [(names.get(item, str(item)), f"no vector of {self.contender.name}") for item in absent]
        return Answers(_nominated(askable, self.gallery.ids[rows], found), faults)

    def _found(self, asked: Sequence[Query], rows: Ids, key_of: dict[int, bytes]) -> Neighbours:
        asking = self.gallery.rows_of([query.item_id for query in asked])
        ids = self.gallery.ids[rows]
        queries = self.folder.reader([key_of[query.item_id] for query in asked])
        gallery = self.folder.reader([key_of[int(item)] for item in ids])
        k = self.study.top_k
        if self.study.exclude == "once":
            # However many of its pictures come first, so many others are behind the largest product.
            k = min(len(ids), k * self.gallery.largest_product(rows))
        rules = _Rules(
            metric=self.metric,
            k=k,
            query_ids=self.gallery.ids_of(asking),
            gallery_ids=ids,
            # Of equally near items not the first of the catalogue answers everybody: that would be worth its category.
            lots=self.gallery.ids_of(asking),
            hidden=self.gallery.hidden(asking, rows),
        )
        earlier = earlier_round(self.study, self.contender)
        if earlier is None:
            found = nearest(queries, gallery, gallery_order=ids, device=settings.DEVICE, **rules)
            return found if self.study.exclude != "once" else self._each_product_once(found, rows)
        before, stale, added = self._before(earlier, asked, ids)
        return refresh_neighbours(before, stale, added, queries, gallery, **rules)

    def _each_product_once(self, found: Neighbours, rows: Ids) -> Neighbours:
        """Of every product only its nearest picture, so many as are kept; pictures without one stay."""
        k = self.study.top_k
        products = self.gallery.product_numbers[rows]
        indices, distances = np.full((len(found), k), -1, dtype=np.int64), np.full((len(found), k), np.nan)
        for query, (candidates, lengths) in enumerate(zip(found.indices, found.distances, strict=True)):
            there = candidates >= 0
            shown = candidates[there]
            named = products[shown]
            first = np.zeros(len(shown), dtype=np.bool_)
            first[np.unique(named, return_index=True)[1]] = True
            kept = np.flatnonzero(first | (named < 0))[:k]
            indices[query, : len(kept)] = shown[kept]
            distances[query, : len(kept)] = lengths[there][kept]
        return Neighbours(indices, distances)

    def _before(self, earlier: Earlier, asked: Sequence[Query], ids: Ids) -> tuple[Neighbours, NDArray[np.bool_], Ids]:
        """The earlier answers by rows of the gallery as it is now, the queries that they do not serve, and what they
        did not look at."""
        k = self.study.top_k
        row_of = {int(item): row for row, item in enumerate(ids)}
        indices, distances = np.full((len(asked), k), -1, dtype=np.int64), np.full((len(asked), k), np.nan)
        stale = np.ones(len(asked), dtype=np.bool_)
        answers = earlier.answers([query.item_id for query in asked])
        for at, query in enumerate(asked):
            answer = answers.get(query.item_id, [])
            if not answer or any(item not in row_of for item, _ in answer):
                continue
            if earlier.is_relabelled(query.item_id) or any(earlier.is_relabelled(item) for item, _ in answer):
                continue
            stale[at] = False
            indices[at, : len(answer)] = [row_of[item] for item, _ in answer]
            distances[at, : len(answer)] = [distance for _, distance in answer]
        added = np.flatnonzero([not earlier.looked_at(int(item)) for item in ids])
        return Neighbours(indices, distances), stale, added


def _metric(contender: Contender) -> Metric:
    if not is_metric(contender.metric):
        raise Problem(f"{contender.name} has the metric {contender.metric!r}, which this version does not know.")
    return contender.metric


def _nothing(k: int) -> Neighbours:
    return Neighbours(np.empty((0, k), dtype=np.int64), np.empty((0, k)))


def _nominated(queries: Sequence[Query], ids: Ids, found: Neighbours) -> Iterator[Nominated]:
    for row, query in enumerate(queries):
        for rank, (candidate, distance) in enumerate(
            zip(found.indices[row].tolist(), found.distances[row].tolist(), strict=True), start=1
        ):
            if candidate >= 0:
                told = None if np.isnan(distance) else distance
                yield Nominated(query.pk, int(ids[candidate]), rank, told)
