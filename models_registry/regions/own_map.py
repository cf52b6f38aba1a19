"""The box from an encoder's own last feature map: no further weights, no further network.

Coarse, a 7 x 7 map has cells of a seventh, and harmful on pictures that are tight already: it is a suggestion.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from models_registry.encoders.onnx.onnx_graph import open_session, read_input, single_file
from models_registry.errors import EncoderError
from models_registry.preprocess import prepare_into
from models_registry.regions.picture_frame import PictureFrame
from models_registry.regions.suggested_boxes import SuggestedBox
from models_registry.weights import checked_file

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from PIL import Image

    from models_registry.encoders.encoder_base import Encoder
    from models_registry.spec import EncoderSpec, Preprocess

_POOLS = ("GlobalAveragePool", "ReduceMean", "AveragePool")
_MAP_TAPS: Mapping[str, tuple[str, int]] = {
    "efficientnet-lite0": ("features", 1280),
    "vgg16.imagenet": ("pool5", 512),
}
"""Families whose last map is a tap: its name and its channels. Networks of random weights look nowhere."""


def map_box(features: NDArray[np.float32]) -> tuple[tuple[float, float, float, float], float] | None:
    """The largest blob of a map [channels, h, w] as x1, y1, x2, y2 in shares of the sides, and its share of the sum.

    Channels are summed; cells above the mean that touch at a side are a blob, the largest being that of the largest
    sum. None where no cell stands out.
    """
    heat = features.sum(axis=0, dtype=np.float64)
    blobs, count = ndimage.label(heat > heat.mean())
    if not count:
        return None
    sums = ndimage.sum_labels(heat, blobs, np.arange(1, count + 1))
    rows, columns = np.nonzero(blobs == 1 + int(np.argmax(sums)))
    height, width = heat.shape
    corners = (columns.min() / width, rows.min() / height, (columns.max() + 1) / width, (rows.max() + 1) / height)
    outside = float(np.abs(heat).sum())
    return (
        (float(corners[0]), float(corners[1]), float(corners[2]), float(corners[3])),
        float(np.clip(np.max(sums) / outside, 0, 1)) if outside else 0.0,
    )


class OwnMapLocator:
    """Suggests a box by the last map of an ONNX encoder, before its pooling."""

    def __init__(self, spec: EncoderSpec, weights: Path, *, threads: int = 1) -> None:
        if spec.family != "onnx" or spec.rules.resize == "shorter-side":
            raise EncoderError(f"{spec.source}: own-map needs an ONNX encoder that sees all of a picture.")
        self._rules = spec.rules
        model, self._map = with_last_map(checked_file(weights, spec.weights_sha256).read_bytes(), weights)
        self._session = open_session(single_file(model, weights), weights, threads=threads, device="cpu")
        self._input = read_input(self._session, weights)

    def suggest(self, image: Image.Image) -> list[SuggestedBox]:
        """One box of an RGB picture, or none."""
        pixels = np.empty((1, 3, *self._rules.size), dtype=np.float32)
        prepare_into(pixels[0], image, None, self._rules)
        if not self._input.channels_first:
            pixels = np.ascontiguousarray(pixels.transpose(0, 2, 3, 1))
        (features,) = self._session.run([self._map], {self._input.name: pixels.astype(self._input.dtype, copy=False)})
        return _boxes_from_map(np.asarray(features[0], dtype=np.float32), image, self._rules)


class TapMapLocator:
    """The same for a network of ours whose last map is one of its taps."""

    def __init__(self, encoder: Encoder) -> None:
        spec = encoder.spec
        if spec.family not in _MAP_TAPS or spec.rules.resize == "shorter-side":
            raise EncoderError(f"{spec.source}: no tap of it is a map that shows all of a picture.")
        self._tap, self._channels = _MAP_TAPS[spec.family]
        if self._tap not in {tap.name for tap in spec.taps}:
            raise EncoderError(f"{spec.source} was loaded without its tap {self._tap}.")
        self._encoder = encoder

    def suggest(self, image: Image.Image) -> list[SuggestedBox]:
        """One box of an RGB picture, or none."""
        batch = np.empty((1, *self._encoder.input_shape), dtype=np.float32)
        self._encoder.prepare(batch[0], image, None)
        flat = self._encoder.encode(batch, [self._tap])[self._tap][0]
        side = round((len(flat) / self._channels) ** 0.5)
        return _boxes_from_map(flat.reshape(self._channels, side, side), image, self._encoder.spec.rules)


def _boxes_from_map(features: NDArray[np.float32], image: Image.Image, rules: Preprocess) -> list[SuggestedBox]:
    corners_and_share = map_box(features)
    if corners_and_share is None:
        return []
    box = PictureFrame.for_picture(rules, *image.size).box_in_picture(corners_and_share[0], *image.size)
    return [] if box is None else [SuggestedBox(box, corners_and_share[1])]


def with_last_map(model: bytes, path: Path) -> tuple[bytes, str]:
    """The network with one output more, the map that its last pooling reads, and the name of that output.

    Raises EncoderError where there is no such pooling.
    """
    import onnx

    network = onnx.load_from_string(model)
    pools = [node for node in network.graph.node if node.op_type in _POOLS]
    if not pools:
        raise EncoderError(f"{path} pools no map at its end, so own-map has none to look at; use another locator.")
    name = str(pools[-1].input[0])
    if name not in {output.name for output in network.graph.output}:
        network.graph.output.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None))
    return network.SerializeToString(), name
