"""One index in memory: an immutable snapshot, replaced by another one with every change of the rows."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from evalapp.catalog.models import Catalogue
from evalapp.contenders.pipeline import embeddings
from evalapp.core.domain.errors import InvalidInput, NotFound
from evalapp.search.domain.lookup_params import Found, LookupParams
from evalapp.search.models import Generation, SearchIndex
from evalapp.search.pipeline.search_service.photo_guesses import guess_of, levels_by_metric
from evalapp.search.pipeline.search_service.photo_regions import PhotoRegions
from evalapp.search.pipeline.search_service.photo_vectors import SeenPhoto, opened_photo, photo_vector
from evalapp.search.queries.gallery import ATTRIBUTE, GalleryRow, gallery_rows, labels_of, rows_changed
from models_registry.encoders.encoder_base import Encoder
from models_registry.index import Answers, VectorIndex, liked_vector, open_generation
from models_registry.metrics import Metric, is_metric

logger = logging.getLogger(__name__)

EMBEDDED_AT_ONCE = 16
"""So many new pictures are made into vectors between two looks at the rows; more are left to the workers."""
_FACET_VALUES = 40


class ServedIndex:
    """Searched by any number of threads; brought up to date by one."""

    def __init__(self, row: SearchIndex, generation: Generation) -> None:
        self.row = row
        self.generation = generation
        self.waiting: set[int] = set()
        """Items that have no vector yet."""
        self._broken: set[int] = set()
        model = row.embedding.model
        encoder = embeddings.encoder_of(model, row.masker)
        self._encoder = encoder if isinstance(encoder, Encoder) else None
        self._regions = PhotoRegions(row)
        self._levels = levels_by_metric(generation.identification)
        # Read before the rows: a change that comes meanwhile is applied once more, never missed.
        self.applied = _last_change(row)
        self.snapshot = self._open_snapshot()
        self._warm_up()

    # --- Questions ---------------------------------------------------------------------------------------------

    def answer_lookup(self, params: LookupParams, blob: bytes) -> Found:
        """The nearest items; raises what is wrong with the question."""
        snapshot, change = self.snapshot, self.applied
        metric = params.metric or self.row.metric
        if not is_metric(metric) or metric not in self.row.metrics:
            raise InvalidInput(f"{self.row} serves {', '.join(self.row.metrics)}, not {metric!r}.")
        if params.hide_product:
            answers, seen = self._similar_items(snapshot, params, metric), None
        else:
            question, seen = self._question_vector(snapshot, params, blob)
            answers = self._search_snapshot(snapshot, params, question, metric)
        # What a photo shows is told by its neighbours, whatever else was asked: mostly they are the answers.
        is_plain = not (params.filters or params.one_per_product or params.like or params.unlike or params.item)
        is_found = answers.slots[0] >= 0
        items = zip(answers.ids[0][is_found].tolist(), answers.distances[0][is_found].tolist(), strict=True)
        return Found(
            items=list(items),
            generation=self.generation.number,
            change=change,
            exact=answers.exact,
            facets=facets_of(snapshot, params),
            guess=self._guess_labels(snapshot, metric, seen.vector, answers if is_plain else None) if seen else None,
            picture=seen.image.size if seen else None,
            regions=self._regions.suggest(seen.image, blob) if seen and params.suggest else [],
        )

    def _guess_labels(
        self, snapshot: VectorIndex, metric: Metric, vector: NDArray[np.float32], answers: Answers | None
    ) -> dict[str, dict[str, Any] | None]:
        return guess_of(snapshot, metric, vector, self._levels.get(metric, {}), answers)

    def _similar_items(self, snapshot: VectorIndex, params: LookupParams, metric: Metric) -> Answers:
        try:
            return snapshot.similar_items(params.item or 0, metric=metric, k=params.k, diversity=params.diversity)
        except LookupError as error:
            raise NotFound("This item is not in the index.") from error

    def _search_snapshot(
        self, snapshot: VectorIndex, params: LookupParams, question: NDArray[np.float32], metric: Metric
    ) -> Answers:
        allowed = None
        judged = [*params.like, *params.unlike, *([params.item] if params.item else [])]
        if judged:
            slots = snapshot.slots_of(judged)
            allowed = snapshot.live.copy()
            allowed[slots[slots >= 0]] = False
        return snapshot.search(
            question,
            metric=metric,
            k=params.k,
            filters=params.filters or None,
            allowed=allowed,
            one_per="product" if params.one_per_product else None,
        )

    def _question_vector(
        self, snapshot: VectorIndex, params: LookupParams, blob: bytes
    ) -> tuple[NDArray[np.float32], SeenPhoto | None]:
        """The vector that is searched with, moved towards what was liked; and what was seen of a photo."""
        vectors: list[NDArray[np.float32]] = []
        seen = None
        if params.kind == "photo":
            seen = self._see_photo(params, blob)
            vectors = [seen.vector]
        elif params.kind == "vector":
            vectors = [self._read_vector(blob)]
        elif params.item:
            vectors = list(self._vectors_of(snapshot, [params.item]))
        likes = [*vectors, *self._vectors_of(snapshot, params.like)]
        if not likes:
            raise InvalidInput("Name an item, or at least one that is liked.")
        if len(likes) == 1 and not params.unlike:
            return likes[0], seen
        return liked_vector(np.stack(likes), self._vectors_of(snapshot, params.unlike)), seen

    def _see_photo(self, params: LookupParams, blob: bytes) -> SeenPhoto:
        if self._encoder is None or self.row.embedding.model.spec["reads"] != "pictures":
            raise InvalidInput(f"{self.row.embedding.model} reads no photos; search with an item.")
        image = opened_photo(blob)
        return SeenPhoto(image, photo_vector(self._encoder, self.row.embedding.tap, image, params.box))

    def _read_vector(self, blob: bytes) -> NDArray[np.float32]:
        vector = np.frombuffer(blob, dtype="<f4") if len(blob) % 4 == 0 else np.empty(0, np.float32)
        if len(vector) != self.snapshot.dim or not np.isfinite(vector).all():
            raise InvalidInput(f"Give {self.snapshot.dim} numbers, as this index has.", fields={"vector": ["Wrong."]})
        return vector

    def _vectors_of(self, snapshot: VectorIndex, items: Sequence[int]) -> NDArray[np.float32]:
        """The vectors [n, d] of items, those included that the index does not show."""
        slots = snapshot.slots_of(list(items)) if items else np.empty(0, np.int64)
        hidden = [item for item, slot in zip(items, slots.tolist(), strict=True) if slot < 0]
        stored = self._stored_vectors(hidden) if hidden else {}
        if len(stored) < len(hidden):
            raise NotFound("This item has no vector.")
        rows = [
            stored[item] if slot < 0 else snapshot.vectors_of(np.array([slot]))[0]
            for item, slot in zip(items, slots.tolist(), strict=True)
        ]
        return np.stack(rows) if rows else np.empty((0, snapshot.dim), dtype=np.float32)

    def take_settings(self, row: SearchIndex) -> None:
        """What may change without a new generation: who suggests boxes."""
        if row.locator_id != self.row.locator_id:
            self._regions = PhotoRegions(row)
            self.row = row

    # --- Changes -----------------------------------------------------------------------------------------------

    def catch_up(self) -> None:
        """Apply what changed since the last look, and embed a few of the pictures that are new."""
        until = _last_change(self.row)
        if until > self.applied:
            rows = rows_changed(self.row, self.applied, until)
            self._broken -= {row.item for row in rows}
            self.snapshot = self._apply_rows(self.snapshot, rows)
            self.applied = until
        if self.is_behind:
            self._embed_some()

    @property
    def is_behind(self) -> bool:
        """Whether pictures wait for a vector that this process can make."""
        return bool(self.waiting - self._broken)

    def _embed_some(self) -> None:
        some = sorted(self.waiting - self._broken)[:EMBEDDED_AT_ONCE]
        faults = embeddings.embed_items(self.row.embedding.model, [self.row.embedding.tap], some, self.row.masker)
        rows = [row for row in gallery_rows(self.row, some) if row.shown]
        self.waiting -= set(some)
        self.snapshot = self._apply_rows(self.snapshot, rows)
        if faults:
            # A picture that cannot be read is not tried again before its row changes.
            self._broken |= self.waiting & set(some)

    def _open_snapshot(self) -> VectorIndex:
        """The generation with every row as it is now: later changes are added, what has left is taken out."""
        folder = Path(settings.INDEXES_DIR) / self.generation.folder
        model, tap = self.row.embedding.model, self.row.embedding.tap
        snapshot = open_generation(folder, embeddings.folder_of(model, tap), threads=settings.SEARCH_THREADS)
        rows = list(gallery_rows(self.row))
        shown = np.array([row.item for row in rows], dtype=np.int64)
        snapshot = snapshot.without_rows(np.setdiff1d(snapshot.ids, shown))
        return self._apply_rows(snapshot, rows)

    def _apply_rows(self, snapshot: VectorIndex, rows: Sequence[GalleryRow]) -> VectorIndex:
        gone = [row.item for row in rows if not row.shown]
        if gone:
            snapshot = snapshot.without_rows(gone)
            self.waiting -= set(gone)
        shown = [row for row in rows if row.shown]
        slots = snapshot.slots_of([row.item for row in shown]).tolist() if shown else []
        held = [row for row, slot in zip(shown, slots, strict=True) if slot >= 0]
        if held:
            names = snapshot.columns.codes
            snapshot = snapshot.with_labels([row.item for row in held], labels_of(held, names))
        added = [row for row, slot in zip(shown, slots, strict=True) if slot < 0]
        stored = self._stored_vectors([row.item for row in added]) if added else {}
        self.waiting |= {row.item for row in added if row.item not in stored}
        with_vector = [row for row in added if row.item in stored]
        if with_vector:
            vectors = np.stack([stored[row.item] for row in with_vector])
            snapshot = snapshot.with_rows([row.item for row in with_vector], vectors, labels_of(with_vector))
        return snapshot

    def _stored_vectors(self, items: Sequence[int]) -> dict[int, NDArray[np.float32]]:
        """The vectors of those of the items that have one in the store."""
        model = self.row.embedding.model
        store = embeddings.folder_of(model, self.row.embedding.tap)
        contents = embeddings.contents(model, items, self.row.masker)
        missing = set(store.missing([content.key for content in contents]))
        stored = [content for content in contents if content.key not in missing]
        if not stored:
            return {}
        rows = store.reader([content.key for content in stored]).rows(0, len(stored))
        return {content.item: row for content, row in zip(stored, rows, strict=True)}

    def _warm_up(self) -> None:
        """One forward pass and one question, so that the first visitor does not wait for what is loaded then."""
        if self._encoder is not None:
            batch = np.zeros((1, *self._encoder.input_shape), dtype=np.float32)
            self._encoder.set_threads(1)
            self._encoder.encode(batch, [self.row.embedding.tap])
        if len(self.snapshot):
            first = np.flatnonzero(self.snapshot.live)[:1]
            vector = self.snapshot.vectors_of(first)[0]
            for metric in self.row.metrics:
                if is_metric(metric):
                    self.snapshot.search(vector, metric=metric, k=1)


def facets_of(snapshot: VectorIndex, params: LookupParams) -> dict[str, dict[str, int]]:
    """How many items have each value of a column, among those that the filters of the other columns let through."""
    facets = {}
    for name in snapshot.columns.codes:
        if name not in {"category", "domain"} and not name.startswith(ATTRIBUTE):
            continue
        others = {column: values for column, values in params.filters.items() if column != name}
        counts = snapshot.columns.value_counts(name, snapshot.may_answer(others or None))
        largest = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:_FACET_VALUES]
        if len(largest) > 1 or name in params.filters:
            facets[name] = dict(largest)
    return facets


def _last_change(row: SearchIndex) -> int:
    return int(Catalogue.objects.values_list("last_change", flat=True).get(pk=row.catalogue_id))
