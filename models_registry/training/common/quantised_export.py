"""The ONNX file of a trained encoder in 8-bit numbers, for phones, and what that costs in answers.

Ranges are found on pictures (static quantisation of ONNX Runtime, weights by channel); the loss is measured on others:
a number from noise would say nothing about neighbours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from models_registry.encoders.encoder_base import Encoder
from models_registry.encoders.encoder_choices import moved
from models_registry.metrics import exact_distances
from models_registry.pictures import BadPicture, open_rgb
from models_registry.registry import describe, load
from models_registry.spec import EmptyBox
from models_registry.training.common.export_bundle import ONNX
from models_registry.training.common.training_errors import TrainingError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from models_registry.embed import Picture

    Floats = NDArray[np.float32]

QUANTISED = "encoder.int8.onnx"
FEWEST, CALIBRATED = 20, 64
"""Pictures needed in all; at most so many find the ranges, the others measure the loss."""


@dataclass(frozen=True, slots=True)
class Quantised:
    """The file's bytes beside those of the exact one; on `pictures` that it was not fitted to: the median share of its
    length by which a vector moved, how many first neighbours (cosine) stayed the same, and the category match of both
    files, None where no two of them share a category."""

    file: str
    bytes: int
    exact_bytes: int
    pictures: int
    moved: float
    same_first: float
    category_match: float | None
    exact_category_match: float | None


def quantise(folder: Path, pictures: Sequence[Picture], categories: Sequence[str | None]) -> Quantised:
    """Write `encoder.int8.onnx` beside the `encoder.onnx` of an exported folder, and measure it on pictures.

    Raises TrainingError where there is no exact file, too few pictures, or a network that cannot be written so.
    """
    source, target = folder / ONNX, folder / QUANTISED
    if not source.is_file():
        raise TrainingError("There is no exact ONNX file of this encoder, so none in 8-bit numbers either.")
    encoder = load(describe(f"checkpoint:{folder}"), device="cpu")
    if not isinstance(encoder, Encoder):
        raise TrainingError("Only an encoder of pictures has an ONNX form.")
    prepared, kept = _prepared(encoder, pictures)
    if len(kept) < FEWEST:
        raise TrainingError(f"{len(kept)} pictures can be read; {FEWEST} are needed to quantise and measure.")
    fitted = min(CALIBRATED, len(kept) // 2)
    _write(source, target, prepared[:fitted])
    exact, rough = _vectors(source, prepared[fitted:]), _vectors(target, prepared[fitted:])
    first, first_rough = _nearest(exact), _nearest(rough)
    labels = [categories[row] for row in kept[fitted:]]
    shares = np.array([moved(rough[row : row + 1], exact[row : row + 1]) for row in range(len(exact))])
    return Quantised(
        file=QUANTISED,
        bytes=target.stat().st_size,
        exact_bytes=source.stat().st_size,
        pictures=len(exact),
        moved=float(np.median(shares)),
        same_first=float(np.mean(first == first_rough)),
        category_match=_match(first_rough, labels),
        exact_category_match=_match(first, labels),
    )


def _prepared(encoder: Encoder, pictures: Sequence[Picture]) -> tuple[Floats, list[int]]:
    """The pictures as the network reads them [n, 3, h, w], and which of them could be read."""
    rows: list[Floats] = []
    kept: list[int] = []
    for place, picture in enumerate(pictures):
        row = np.empty(encoder.input_shape, dtype=np.float32)
        try:
            source = picture.source() if callable(picture.source) else picture.source
            encoder.prepare(row, open_rgb(source), picture.box)
        except (BadPicture, EmptyBox, OSError):
            continue
        rows.append(row)
        kept.append(place)
    return np.array(rows, dtype=np.float32).reshape(-1, *encoder.input_shape), kept


def _write(source: Path, target: Path, prepared: Floats) -> None:
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    entry = _input_of(source)

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self._batches = _batches(entry, prepared)

        def get_next(self) -> dict[str, Any] | None:
            return next(self._batches, None)

    try:
        quantize_static(
            str(source), str(target), Reader(), quant_format=QuantFormat.QDQ, per_channel=True,
            weight_type=QuantType.QInt8, activation_type=QuantType.QUInt8,
        )  # fmt: skip
    except Exception as error:  # the library raises almost anything for a network that it cannot rewrite
        target.unlink(missing_ok=True)
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise TrainingError(f"This encoder cannot be written in 8-bit numbers: {reason}") from error


def _vectors(file: Path, prepared: Floats) -> Floats:
    """The vectors [n, d] of the last output."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    output = session.get_outputs()[-1].name
    rows = [session.run([output], given)[0] for given in _batches(_input_of(file), prepared)]
    return np.concatenate(rows)[: len(prepared)].astype(np.float32)


def _input_of(file: Path) -> Any:
    import onnxruntime

    return onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"]).get_inputs()[0]


def _batches(entry: Any, prepared: Floats) -> Iterator[dict[str, Any]]:
    """The pictures as the file reads them, in batches of its own size, else of one."""
    size = entry.shape[0] if isinstance(entry.shape[0], int) else 1
    kind = np.float16 if entry.type == "tensor(float16)" else np.float32
    for start in range(0, len(prepared), size):
        piece = prepared[start : start + size]
        if len(piece) < size:
            piece = np.concatenate([piece, np.repeat(piece[:1], size - len(piece), axis=0)])
        piece = piece if entry.shape[1] == 3 else piece.transpose(0, 2, 3, 1)
        yield {entry.name: np.ascontiguousarray(piece, dtype=kind)}


def _nearest(vectors: Floats) -> NDArray[np.int64]:
    """Each row's nearest other row by cosine [n]."""
    found = np.empty(len(vectors), dtype=np.int64)
    for row in range(len(vectors)):
        distances = exact_distances("cosine", vectors[row], vectors)
        distances[row] = np.inf
        found[row] = int(distances.argmin())
    return found


def _match(first: NDArray[np.int64], labels: Sequence[str | None]) -> float | None:
    """The share of first neighbours of the same category, over pictures of a category that another one has."""
    counted = [row for row, label in enumerate(labels) if label and labels.count(label) > 1]
    if not counted:
        return None
    return float(np.mean([labels[int(first[row])] == labels[row] for row in counted]))
