"""An encoder that sees pictures through a masker: what is not the object is blanked before the vector is made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from models_registry.encoders.encoder_base import Encoder

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

    from models_registry.encoders.encoder_base import Vectors
    from models_registry.regions.region_networks import OnnxMasker
    from models_registry.spec import Box


class MaskedEncoder(Encoder):
    """The encoder inside, given the box's own pixels with their background blanked.

    The masker sees what the encoder would have seen: a box is cut out first. Store these vectors under `masked_key`,
    since the spec is that of the encoder inside.
    """

    def __init__(self, inner: Encoder, masker: OnnxMasker) -> None:
        super().__init__(inner.spec)
        self._inner = inner
        self._masker = masker
        self.pass_size = inner.pass_size
        self.on_device = inner.on_device
        self.threads = inner.threads

    @property
    def input_shape(self) -> tuple[int, ...]:
        return self._inner.input_shape

    def prepare(self, out: NDArray[np.float32], image: Image.Image, box: Box | None) -> None:
        if box is not None:
            inside = box.clamp_to(image.width, image.height)
            image = image.crop((inside.x1, inside.y1, inside.x2, inside.y2))
        self._inner.prepare(out, self._masker.blank_background(image), None)

    def set_threads(self, threads: int) -> None:
        super().set_threads(threads)
        self._inner.set_threads(threads)

    def _forward_batch(self, batch: NDArray[Any], taps: Sequence[str]) -> Vectors:
        return self._inner.encode(batch, taps)
