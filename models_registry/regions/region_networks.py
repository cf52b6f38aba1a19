"""A user's own ONNX network that finds or masks things: described by its hash and its options, and run.

A locator writes boxes in one of the forms of `detector_outputs`; a masker has an output with one mask of the picture,
such as [1, 1, h, w]. Both read one picture, prepared as their options say.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from models_registry.encoders.onnx.onnx_graph import open_session, read_input, single_file
from models_registry.errors import BadOption, EncoderError, WeightsMissing, WeightsRefused
from models_registry.preprocess import pixels_into, prepare_into
from models_registry.regions.detector_outputs import as_shares, read_detections, understand_outputs
from models_registry.regions.picture_frame import PictureFrame
from models_registry.regions.region_spec import (
    Corners,
    RegionKind,
    RegionSpec,
    Units,
    chosen_word,
    least_score,
    rules_of,
)
from models_registry.regions.suggested_boxes import SuggestedBox, best_boxes

if TYPE_CHECKING:
    from collections.abc import Mapping

    import onnxruntime
    from numpy.typing import NDArray

    from models_registry.encoders.onnx.onnx_graph import OnnxInput
    from models_registry.spec import Preprocess

    Outputs = dict[str, NDArray[np.float32]]

MOST_BYTES = 512 * 1024**2
"""Of a file: it is run beside an encoder for every photo that somebody searches with."""
_LEAST_MASK = 8  # cells to a side: fewer are no mask but a list of something
_LEAST_KEPT = 0.005
_GREY = (127, 127, 127)
_FLOATS = ("tensor(float)", "tensor(float16)", "tensor(double)")


def region_file(kind: RegionKind, source: str) -> Path:
    """The file that `onnx:FILE` names; raises EncoderError with one line on what is wrong."""
    family, _, argument = source.partition(":")
    if family != "onnx" or not argument:
        raise BadOption(f"A {kind} is written as onnx:FILE, not {source}.")
    path = Path(argument)
    if not path.is_file():
        raise WeightsMissing(f"There is no file {path}.")
    if path.stat().st_size > MOST_BYTES:
        raise WeightsRefused(f"{path} has more than {MOST_BYTES >> 20} MB, the limit for a {kind}.")
    return path


def describe_region(kind: RegionKind, source: str, *, options: Mapping[str, Any] | None = None) -> RegionSpec:
    """The record of `onnx:FILE`; options are those of preprocessing, `size`, `outputs`, `least-score` and, for a
    locator, `boxes` and `corners`. Tries the network on a picture.

    Raises EncoderError with one line on what is wrong.
    """
    path = region_file(kind, source)
    texts = dict(options or {})
    network = _Session(_read_file(path), path)
    rules = rules_of(kind, source, texts, (network.entry.height, network.entry.width))
    trial_outputs = network.run(_trial_picture(), rules)
    asked_outputs = [name.strip() for name in str(texts.get("outputs", "")).split(",") if name.strip()]
    fields: dict[str, Any] = {"least_score": least_score(kind, texts), "sha256": network.sha256}
    if kind == "masker":
        for name in ("boxes", "corners"):
            if name in texts:
                raise BadOption(f"A masker has no option {name}; it gives no boxes.")
        fields |= {"layout": "mask", "outputs": (_mask_output(trial_outputs, asked_outputs, path),)}
    else:
        layout, outputs = understand_outputs(trial_outputs, asked_outputs, path)
        is_apart = layout == "apart"
        fields |= {
            "layout": layout,
            "outputs": outputs,
            "boxes": chosen_word("boxes", texts, "shares" if is_apart else "pixels", Units),
            "corners": chosen_word("corners", texts, "cxcywh" if layout == "columns" else "xyxy", Corners),
        }
    spec = RegionSpec(kind=kind, source=source, preprocess=rules, **fields)
    if kind == "locator":
        OnnxLocator(spec, path).suggest(_trial_picture())
    else:
        OnnxMasker(spec, path).object_mask(_trial_picture())
    return spec


class _Session:
    """An open network and the picture it reads."""

    def __init__(self, model: bytes, path: Path) -> None:
        self.path = path
        self.sha256 = hashlib.sha256(model).hexdigest()
        self._session: onnxruntime.InferenceSession = open_session(
            single_file(model, path), path, threads=1, device="cpu"
        )
        self.entry: OnnxInput = read_input(self._session, path)
        if self.entry.batch not in (None, 1):
            raise EncoderError(f"{path} reads {self.entry.batch} pictures at once; export it for one picture.")
        self._floats = [one.name for one in self._session.get_outputs() if one.type in _FLOATS]

    def run(self, image: Image.Image, rules: Preprocess, names: tuple[str, ...] = ()) -> Outputs:
        """The outputs of floats for one RGB picture, those named or all."""
        pixels = np.empty((1, 3, *rules.size), dtype=self.entry.dtype if self.entry.dtype == "uint8" else np.float32)
        (pixels_into if pixels.dtype == np.uint8 else prepare_into)(pixels[0], image, None, rules)
        if not self.entry.channels_first:
            pixels = np.ascontiguousarray(pixels.transpose(0, 2, 3, 1))
        output_names = list(names) or self._floats
        try:
            arrays = self._session.run(output_names, {self.entry.name: pixels.astype(self.entry.dtype, copy=False)})
        except Exception as error:  # the runtime's errors share no public base class
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise EncoderError(f"{self.path} fails on a picture: {reason}") from error
        return {name: np.asarray(values, dtype=np.float32) for name, values in zip(output_names, arrays, strict=True)}


class _RegionNetwork:
    """The network behind a spec, its hash checked."""

    def __init__(self, spec: RegionSpec, weights: Path) -> None:
        self.spec = spec
        self._network = _Session(_read_file(weights), weights)
        if self._network.sha256 != spec.sha256:
            raise WeightsRefused(
                f"{weights} is not the file that was registered: its SHA-256 differs. Register it anew."
            )

    def _run_network(self, image: Image.Image) -> Outputs:
        return self._network.run(image, self.spec.preprocess, self.spec.outputs)

    def _frame_of(self, image: Image.Image) -> PictureFrame:
        return PictureFrame.for_picture(self.spec.preprocess, *image.size)


class OnnxLocator(_RegionNetwork):
    """A detector."""

    def suggest(self, image: Image.Image) -> list[SuggestedBox]:
        """Up to 20 boxes of an RGB picture, the surest first; labels are the numbers of classes."""
        detections = read_detections(self._run_network(image), self.spec.outputs, self.spec.layout, self._network.path)
        sure = detections.scores >= self.spec.least_score
        in_pixels = self.spec.boxes == "pixels"
        shares = as_shares(detections.corners[sure], self.spec.corners, self.spec.preprocess.size, in_pixels=in_pixels)
        frame, boxes = self._frame_of(image), []
        for corners, score, number in zip(
            shares.tolist(), detections.scores[sure].tolist(), detections.classes[sure].tolist(), strict=True
        ):
            box = frame.box_in_picture(corners, *image.size)
            if box is not None:
                boxes.append(SuggestedBox(box, min(1.0, score), "" if number < 0 else str(number)))
        return best_boxes(boxes)


class OnnxMasker(_RegionNetwork):
    """A network that says where the object is; what is not is painted over."""

    def object_mask(self, image: Image.Image) -> NDArray[np.bool_]:
        """Which pixels [height, width] of an RGB picture are the object."""
        (values,) = self._run_network(image).values()
        shades = _plain_mask(values)
        if shades is None:
            raise EncoderError(f"{self._network.path} gives no mask [1, 1, h, w] of numbers.")
        left, top, right, bottom = self._frame_of(image).cells_of_picture(shades.shape[1], shades.shape[0])
        part = Image.fromarray(np.ascontiguousarray(shades[top:bottom, left:right]))
        mask: NDArray[np.bool_] = np.asarray(part.resize(image.size, Image.Resampling.BILINEAR)) >= np.float32(
            self.spec.least_score
        )
        return mask

    def blank_background(self, image: Image.Image) -> Image.Image:
        """The picture, grey where the object is not; as it is where hardly anything of it would be left."""
        mask = self.object_mask(image)
        if mask.mean() < _LEAST_KEPT:
            # Vectors of nothing but grey would all be one.
            return image
        mask_picture = Image.fromarray(mask.astype(np.uint8) * 255)
        return Image.composite(image, Image.new("RGB", image.size, _GREY), mask_picture)


def _read_file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise WeightsMissing(f"{path} cannot be read: {error.strerror or error}.") from error


def _mask_output(trial_outputs: Outputs, asked_outputs: list[str], path: Path) -> str:
    for name in asked_outputs:
        if name not in trial_outputs:
            raise BadOption(f"{path} has no output {name}; it has {', '.join(trial_outputs)}.")
    for name in asked_outputs or trial_outputs:
        if _plain_mask(trial_outputs[name]) is not None:
            return name
    raise EncoderError(f"{path} gives no mask [1, 1, h, w] of numbers.")


def _plain_mask(values: NDArray[np.float32]) -> NDArray[np.float32] | None:
    """The mask [h, w] where the values are one, else None."""
    shape = [side for side in values.shape if side > 1]
    if len(shape) != 2 or min(shape) < _LEAST_MASK or not np.isfinite(values).all():
        return None
    return values.reshape(shape)


def _trial_picture() -> Image.Image:
    """Something bright on something dark, not square: what every registration is tried on."""
    picture = Image.new("RGB", (64, 48), (40, 60, 90))
    picture.paste((230, 200, 170), (20, 8, 48, 40))
    return picture
