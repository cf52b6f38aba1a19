"""Triplets that people have looked at: the accepted ones are learnt from, the rejected ones never are."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ids = NDArray[np.int64]


def _no_triplets() -> Ids:
    return np.empty((0, 3), dtype=np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Reviewed:
    """Rows of anchor, positive and negative [n, 3]: the anchor is, or is not, more like the positive."""

    accepted: Ids = field(default_factory=_no_triplets)
    rejected: Ids = field(default_factory=_no_triplets)

    def __len__(self) -> int:
        return len(self.accepted) + len(self.rejected)

    def within_rows(self, rows: Ids) -> Reviewed:
        """Those whose three pictures are all among `rows`: what a run may know of them."""
        return Reviewed(*(part[np.isin(part, rows).all(axis=1)] for part in (self.accepted, self.rejected)))

    def draw_accepted(self, most: int, rng: np.random.Generator) -> Ids:
        """So many accepted triplets [n, 3] at most, none twice; where there are none, `rng` stays as it is."""
        if not len(self.accepted):
            return self.accepted
        return self.accepted[rng.permutation(len(self.accepted))[:most]]

    def not_rejected(self, triplets: Ids) -> NDArray[np.bool_]:
        """Which of the triplets [n, 3] nobody has rejected."""
        refused = {tuple(triplet) for triplet in self.rejected.tolist()}
        return np.array([tuple(triplet) not in refused for triplet in triplets.tolist()], dtype=bool)

    def without_rejected(self, batch: Ids) -> Ids:
        """The batch of rows without the negatives of rejected triplets that it holds all of.

        Whatever loss and miner combine within a batch, what people rejected then cannot come about.
        """
        kept_rows = batch
        for triplet in self.rejected[np.isin(self.rejected, batch).all(axis=1)]:
            if np.isin(triplet, kept_rows).all():
                kept_rows = kept_rows[kept_rows != triplet[2]]
        return kept_rows
