"""Where in a photo the thing may be: by the catalogue's boxes, by somebody's locator, or by the encoder's map."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError
from PIL import Image

from evalapp.contenders.pipeline import embeddings
from evalapp.search.domain.lookup_params import Region
from evalapp.search.models import SearchIndex
from evalapp.search.queries.gallery import boxes_in
from models_registry.encoders.encoder_base import Encoder
from models_registry.errors import EncoderError
from models_registry.regions import (
    Locator,
    OnnxLocator,
    OwnMapLocator,
    RegionSpec,
    SuggestedBox,
    TapMapLocator,
    best_boxes,
)
from models_registry.spec import Box, EmptyBox, EncoderSpec

logger = logging.getLogger(__name__)


class PhotoRegions:
    """Suggests for one index; opened once, with its networks."""

    def __init__(self, row: SearchIndex) -> None:
        self.row = row
        self._by = "locator" if row.locator else "map"
        self._locator = _registered_locator(row) if row.locator else _map_locator(row)

    def suggest(self, image: Image.Image, data: bytes) -> list[Region]:
        """Boxes of a photo, those first that the catalogue itself has for this very picture, then the surest."""
        known_regions = [
            Region(_box_corners(suggested.box), 1.0, suggested.label, "catalogue")
            for suggested in self._catalogue_boxes(image, data)
        ]
        if self._locator is None:
            return known_regions
        try:
            located = self._locator.suggest(image)
        except EncoderError:
            # Whoever searches gets their answers all the same.
            logger.exception("The locator of %s failed.", self.row)
            return known_regions
        return [
            *known_regions,
            *(
                Region(_box_corners(suggested.box), round(suggested.score, 4), suggested.label, self._by)
                for suggested in located
            ),
        ]

    def _catalogue_boxes(self, image: Image.Image, data: bytes) -> list[SuggestedBox]:
        try:
            rows = boxes_in(self.row, hashlib.sha256(data).hexdigest())
        except DatabaseError:
            return []
        boxes = []
        for corners, category in rows:
            try:
                boxes.append(SuggestedBox(Box(*corners).clamp_to(*image.size), 1.0, category))
            except EmptyBox:
                continue
        return best_boxes(boxes)


def _box_corners(box: Box) -> tuple[int, int, int, int]:
    return box.x1, box.y1, box.x2, box.y2


def _registered_locator(row: SearchIndex) -> Locator | None:
    if row.locator is None:
        return None
    try:
        return OnnxLocator(RegionSpec.from_json(row.locator.spec), Path(settings.WEIGHTS_DIR) / row.locator.weights)
    except EncoderError:
        logger.exception("The locator of %s cannot be opened; nothing is suggested by it.", row)
        return None


def _map_locator(row: SearchIndex) -> Locator | None:
    """What suggests boxes by the encoder's own last map; None for encoders that have none."""
    model = row.embedding.model
    try:
        encoder = embeddings.warm_encoder(model.pk)
        if isinstance(encoder, Encoder) and encoder.spec.family != "onnx":
            return TapMapLocator(encoder)
        return OwnMapLocator(EncoderSpec.from_json(model.spec), Path(settings.WEIGHTS_DIR) / model.weights)
    except (EncoderError, OSError, ValueError):
        return None
