"""Which items look alike in their colours: what a simulated crowd may go by, and labels cannot tell."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import numpy as np
from numpy.typing import NDArray

from evalapp.catalog.models import Item
from evalapp.contenders.pipeline.embeddings import source
from models_registry.embed import Picture, embed
from models_registry.encoders.descriptions.colour_histogram import BLOCKS
from models_registry.encoders.encoder_base import Encoder
from models_registry.registry import describe, load
from models_registry.spec import Box

ALIKE = 0.6
"""Colour histograms with a cosine above this are alike; of random photographs of clothes 6 pairs in 100 are."""


class Colours:
    """The colours of items, looked at when they are first asked for."""

    def __init__(self) -> None:
        encoder = load(describe("colour-histogram"))
        if not isinstance(encoder, Encoder):
            raise TypeError("A colour histogram reads pictures.")
        self._encoder = encoder
        self._seen: dict[int, NDArray[np.float32]] = {}

    def are_alike(self, pairs: Collection[tuple[int, int]]) -> list[bool]:
        """Whether the two items of each pair are alike; a picture that cannot be read is like none."""
        self._look_at({item for pair in pairs for item in pair} - self._seen.keys())
        nothing = np.zeros(1, dtype=np.float32)
        seen = [(self._seen.get(one, nothing), self._seen.get(other, nothing)) for one, other in pairs]
        return [len(one) == len(other) and float(one @ other) > ALIKE for one, other in seen]

    def _look_at(self, items: Iterable[int]) -> None:
        rows = list(Item.objects.filter(pk__in=items).select_related("picture"))
        pictures = [Picture(row.key, source(row.picture.file), Box(*row.box) if row.box else None) for row in rows]
        start, stop = BLOCKS["colours"]
        for batch in embed(self._encoder, pictures, taps=["embedding"]) if pictures else ():
            for index, vector in zip(batch.indices, batch.vectors["embedding"][:, start:stop], strict=True):
                self._seen[rows[index].pk] = vector / max(float(np.linalg.norm(vector)), 1e-12)
