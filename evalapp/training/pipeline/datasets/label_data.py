"""Runs that learn from the labels of a catalogue."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from django.db.models import QuerySet
from numpy.typing import NDArray

from evalapp.catalog.models import Catalogue, Item
from evalapp.catalog.queries import active_items, unflagged
from evalapp.catalog.services.triplets import Claim, triplet_decisions
from evalapp.core.domain.job_plans import Piece
from evalapp.core.domain.job_targets import target_id
from evalapp.training.models import TrainingRun
from evalapp.training.pipeline.datasets import label_snapshots
from evalapp.training.pipeline.datasets.picture_vectors import embed_piece, pieces_without_vectors, with_vectors
from models_registry.training.labels.labelled_pictures import LabelledPictures
from models_registry.training.labels.reviewed_triplets import Reviewed


def catalogue_of(run: TrainingRun) -> Catalogue:
    """The catalogue that a run learns from."""
    return Catalogue.objects.get(pk=target_id("catalogue", run.data))


def _learnable_items(catalogue: Catalogue) -> QuerySet[Item]:
    """What may be learnt from: flagged pictures mislead."""
    return unflagged(active_items(catalogue))


def cut_pieces(run: TrainingRun) -> Iterator[Piece]:
    """The pictures that have no vector of the base network yet; those of a snapshot are looked at when it is read."""
    if run.config.get("snapshot"):
        return iter(())
    return pieces_without_vectors(run, _learnable_items(catalogue_of(run)))


def data_of(run: TrainingRun) -> LabelledPictures:
    """The catalogue as it is now, without the pictures that could not be embedded, or the snapshot that the run names.

    What is learnt from is kept, so that it can be learnt from again.
    """
    if run.config.get("snapshot"):
        return label_snapshots.data_from(run, run.config["snapshot"])
    data = _as_it_is(run)
    label_snapshots.keep_snapshot(data)
    return data


def _as_it_is(run: TrainingRun) -> LabelledPictures:
    catalogue = catalogue_of(run)
    rows, columns = with_vectors(run, _learnable_items(catalogue), catalogue.slug)
    decided = triplet_decisions(catalogue)
    row_of = {item.pk: row for row, item in enumerate(rows)}
    return LabelledPictures(
        **columns,
        domains=[item.domain or None for item in rows],
        splits=[item.split or None for item in rows],
        attributes=[{name: str(value) for name, value in item.attributes.items() if value != ""} for item in rows],
        reviewed=Reviewed(_rows_of_claims(decided.accepted, row_of), _rows_of_claims(decided.rejected, row_of)),
    )


def _rows_of_claims(claims: Sequence[Claim], row_of: Mapping[int, int]) -> NDArray[np.int64]:
    """Claims as rows [n, 3], without those about a picture that is not there."""
    present = [[row_of[item] for item in claim] for claim in claims if all(item in row_of for item in claim)]
    return np.array(present, dtype=np.int64).reshape(-1, 3)


__all__ = ["catalogue_of", "cut_pieces", "data_of", "embed_piece"]
