"""The ONNX file of a trained encoder in 8-bit numbers, for phones, and what that costs in answers.

Ranges are found on pictures (static quantisation of ONNX Runtime, weights by channel); the loss is measured on others:
a number from noise would say nothing about neighbours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from models_registry.encoders.encoder_base import Encoder
from models_registry.encoders.encoder_choices import largest_move
from models_registry.metrics import exact_distances
from models_registry.pictures import BadPicture, open_rgb
from models_registry.registry import describe, load
from models_registry.spec import EmptyBox
from models_registry.training.common.export_bundle import ONNX, as_onnx_input
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


def quantise_encoder(folder: Path, pictures: Sequence[Picture], categories: Sequence[str | None]) -> Quantised:
    """Write `encoder.int8.onnx` beside the `encoder.onnx` of an exported folder, and measure it on pictures.

    Raises TrainingError where there is no exact file, too few pictures, or a network that cannot be written so.
    """
    source, target = folder / ONNX, folder / QUANTISED
    if not source.is_file():
        raise TrainingError("There is no exact ONNX file of this encoder, so none in 8-bit numbers either.")
    encoder = load(describe(f"checkpoint:{folder}"), device="cpu")
    if not isinstance(encoder, Encoder):
        raise TrainingError("Only an encoder of pictures has an ONNX form.")
    prepared, readable_rows = _prepare_pictures(encoder, pictures)
    if len(readable_rows) < FEWEST:
        raise TrainingError(f"{len(readable_rows)} pictures can be read; {FEWEST} are needed to quantise and measure.")
    calibrated = min(CALIBRATED, len(readable_rows) // 2)
    _write_quantised(source, target, prepared[:calibrated])
    exact_vectors, rough_vectors = (
        _onnx_vectors(source, prepared[calibrated:]),
        _onnx_vectors(target, prepared[calibrated:]),
    )
    first_exact, first_rough = _nearest_rows(exact_vectors), _nearest_rows(rough_vectors)
    labels = [categories[row] for row in readable_rows[calibrated:]]
    shares = np.array(
        [largest_move(rough_vectors[row : row + 1], exact_vectors[row : row + 1]) for row in range(len(exact_vectors))]
    )
    return Quantised(
        file=QUANTISED,
        bytes=target.stat().st_size,
        exact_bytes=source.stat().st_size,
        pictures=len(exact_vectors),
        moved=float(np.median(shares)),
        same_first=float(np.mean(first_exact == first_rough)),
        category_match=_category_match(first_rough, labels),
        exact_category_match=_category_match(first_exact, labels),
    )


def _prepare_pictures(encoder: Encoder, pictures: Sequence[Picture]) -> tuple[Floats, list[int]]:
    """The pictures as the network reads them [n, 3, h, w], and which of them could be read."""
    rows: list[Floats] = []
    readable_rows: list[int] = []
    for position, picture in enumerate(pictures):
        row = np.empty(encoder.input_shape, dtype=np.float32)
        try:
            source = picture.source() if callable(picture.source) else picture.source
            encoder.prepare(row, open_rgb(source), picture.box)
        except (BadPicture, EmptyBox, OSError):
            continue
        rows.append(row)
        readable_rows.append(position)
    return np.array(rows, dtype=np.float32), readable_rows


def _write_quantised(source: Path, target: Path, prepared: Floats) -> None:
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    entry = _onnx_input(source)

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self._onnx_batches = _onnx_batches(entry, prepared)

        def get_next(self) -> dict[str, Any] | None:
            return next(self._onnx_batches, None)

    try:
        quantize_static(
            str(source), str(target), Reader(), quant_format=QuantFormat.QDQ, per_channel=True,
            weight_type=QuantType.QInt8, activation_type=QuantType.QUInt8,
        )  # fmt: skip
    except Exception as error:  # the library raises almost anything for a network that it cannot rewrite
        target.unlink(missing_ok=True)
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise TrainingError(f"This encoder cannot be written in 8-bit numbers: {reason}") from error


def _onnx_vectors(file: Path, prepared: Floats) -> Floats:
    """The vectors [n, d] of the last output."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    output = session.get_outputs()[-1].name
    rows = [session.run([output], given)[0] for given in _onnx_batches(_onnx_input(file), prepared)]
    # The last batch was filled up.
    return np.concatenate(rows)[: len(prepared)].astype(np.float32)


def _onnx_input(file: Path) -> Any:
    import onnxruntime

    return onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"]).get_inputs()[0]


def _onnx_batches(entry: Any, prepared: Floats) -> Iterator[dict[str, Any]]:
    """The pictures as the file reads them, in batches of its own size, else of one."""
    size = entry.shape[0] if isinstance(entry.shape[0], int) else 1
    for start in range(0, len(prepared), size):
        piece = prepared[start : start + size]
        filled = np.concatenate([piece, np.repeat(piece[:1], size - len(piece), axis=0)])
        yield {entry.name: as_onnx_input(entry, filled)}


def _nearest_rows(vectors: Floats) -> NDArray[np.int64]:
    """Each row's nearest other row by cosine [n]."""
    nearest = np.empty(len(vectors), dtype=np.int64)
    for row in range(len(vectors)):
        distances = exact_distances("cosine", vectors[row], vectors)
        distances[row] = np.inf
        nearest[row] = int(distances.argmin())
    return nearest


def _category_match(first: NDArray[np.int64], labels: Sequence[str | None]) -> float | None:
    """The share of first neighbours of the same category, over pictures of a category that another one has."""
    rows_with_match = [row for row, label in enumerate(labels) if label and labels.count(label) > 1]
    if not rows_with_match:
        return None
    return float(np.mean([labels[int(first[row])] == labels[row] for row in rows_with_match]))
