"""Pictures as tensors for training: decoded once, kept small, varied anew every time they are looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image

from models_registry.evaluate.corruptions import CORRUPTIONS
from models_registry.pictures import open_rgb
from models_registry.preprocess import prepare_into

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from models_registry.embed import Picture
    from models_registry.spec import Preprocess

    Ids = NDArray[np.int64]

_MOST_KEPT = 1 << 30
_OFTEN = {"flip": 0.5, "crop": 0.6, "jpeg": 0.1, "shrink": 0.1, "scribble": 0.1, "text": 0.1}
"""How often each corruption happens to a picture."""


class Pixels:
    """Prepared pictures by row; `augment` in 0 … 1 is how strongly they are varied while training."""

    def __init__(self, pictures: Sequence[Picture], rules: Preprocess, *, augment: float) -> None:
        self._pictures = pictures
        self._rules = rules
        self._augment = augment
        self._cached_pictures: dict[int, Image.Image] = {}
        self._bytes = 0

    def prepare_rows(self, rows: Ids, *, training: bool) -> Tensor:
        """Pictures [n, 3, h, w]; what chance does to them comes from torch's own source, so that it can be repeated."""
        out = np.empty((len(rows), 3, *self._rules.size), dtype=np.float32)
        varied = training and self._augment > 0
        rng = np.random.default_rng(int(torch.randint(2**31, ()))) if varied else None
        for position, row in enumerate(rows.tolist()):
            image = self._load_picture(row)
            prepare_into(out[position], image if rng is None else self._vary_picture(image, rng), None, self._rules)
        return torch.from_numpy(out)

    def _vary_picture(self, image: Image.Image, rng: np.random.Generator) -> Image.Image:
        for name, share in _OFTEN.items():
            if rng.random() < share:
                image = CORRUPTIONS[name].apply(image, float(rng.uniform(0, self._augment)), rng)
        return image

    def _load_picture(self, row: int) -> Image.Image:
        """The picture, its box cut out: its longer side at most twice what the network reads, its shorter side no less
        than that."""
        cached = self._cached_pictures.get(row)
        if cached is not None:
            return cached
        picture = self._pictures[row]
        image = open_rgb(picture.source() if callable(picture.source) else picture.source)
        if picture.box is not None:
            box = picture.box.clamp_to(image.width, image.height)
            image = image.crop((box.x1, box.y1, box.x2, box.y2))
        read_side = self._rules.before_crop or max(self._rules.size)
        longest_side = max(2 * read_side, read_side * max(image.size) // min(image.size))
        if max(image.size) > longest_side:
            image.thumbnail((longest_side, longest_side), Image.Resampling.BILINEAR, reducing_gap=2.0)
        size = image.width * image.height * 3
        if self._bytes + size <= _MOST_KEPT:
            self._cached_pictures[row] = image
            self._bytes += size
        return image
