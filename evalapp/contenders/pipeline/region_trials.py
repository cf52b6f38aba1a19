"""What a locator or a masker makes of a few pictures, so that somebody can see whether it was read as it was meant."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings
from numpy.typing import NDArray
from PIL import Image

from evalapp.catalog.models import Catalogue, Item
from evalapp.contenders.models import RegionNetwork
from evalapp.contenders.pipeline.embeddings import source
from models_registry.errors import EncoderError
from models_registry.pictures import BadPicture, open_rgb
from models_registry.regions import OnnxLocator, OnnxMasker, RegionSpec

_CELLS = 48
"""A mask is kept this coarse: to be looked at, not to be used."""


def region_trial(network: RegionNetwork, catalogue: Catalogue, items: Sequence[int]) -> dict[str, Any]:
    """`{"catalogue", "pictures", "warnings", "regions": [{"item", "kept", "boxes": [[x, y, width, height] …]}]}`.

    Boxes are in shares of the picture: what a locator suggests, or what a masker blanks; `kept` is the share that a
    masker leaves, None for a locator.
    """
    spec, weights = RegionSpec.from_json(network.spec), Path(settings.WEIGHTS_DIR) / network.weights
    finder = OnnxLocator(spec, weights) if network.kind == RegionNetwork.Kind.LOCATOR else OnnxMasker(spec, weights)
    rows = Item.objects.select_related("picture").in_bulk(list(items))
    regions, warnings = [], []
    for item in items:
        try:
            file_source = source(rows[item].picture.file)
            regions.append(
                {
                    "item": item,
                    **_find_regions(finder, open_rgb(file_source if isinstance(file_source, Path) else file_source())),
                }
            )
        except (BadPicture, EncoderError, OSError) as error:
            warnings.append(f"{rows[item].key}: {error}")
    if regions and not any(region["kept"] or region["boxes"] for region in regions):
        warnings.append("It found nothing on any of them. Is the scale that it reads the one that it was trained on?")
    return {"catalogue": catalogue.slug, "pictures": len(regions), "warnings": warnings, "regions": regions}


def _find_regions(finder: OnnxLocator | OnnxMasker, image: Image.Image) -> dict[str, Any]:
    width, height = image.size
    if isinstance(finder, OnnxLocator):
        boxes = [one.box for one in finder.suggest(image)]
        shares = [
            (box.x1 / width, box.y1 / height, (box.x2 - box.x1) / width, (box.y2 - box.y1) / height) for box in boxes
        ]
        return {"kept": None, "boxes": _round_sides(shares)}
    mask = finder.object_mask(image)
    return {"kept": round(float(mask.mean()), 4), "boxes": _round_sides(_blanked_runs(mask))}


def _blanked_runs(mask: NDArray[np.bool_]) -> list[tuple[float, float, float, float]]:
    """What a mask [height, width] blanks, as runs of coarse cells."""
    small = Image.fromarray(mask.astype(np.uint8) * 255).resize((_CELLS, _CELLS), Image.Resampling.BOX)
    runs = []
    for row, cells in enumerate(np.asarray(small) < 128):
        edges = np.flatnonzero(np.diff(np.concatenate([[False], cells, [False]]).astype(np.int8)))
        runs += [
            (start / _CELLS, row / _CELLS, (stop - start) / _CELLS, 1 / _CELLS)
            for start, stop in edges.reshape(-1, 2).tolist()
        ]
    return runs


def _round_sides(boxes: Sequence[tuple[float, float, float, float]]) -> list[list[float]]:
    return [[round(side, 4) for side in box] for box in boxes]
