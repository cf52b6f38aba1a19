"""A trained encoder in a folder of its own: everything that another machine needs, and an ONNX file beside it."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from models_registry import registry
from models_registry.encoders.checkpoint import CARD, SPEC, TRAINED_ON, base_file, checkpoint_file, read_checkpoint
from models_registry.encoders.encoder_base import Encoder
from models_registry.preprocess import normalise_pixels
from models_registry.training.common.onnx_export import export_onnx
from models_registry.training.common.training_errors import TrainingError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

ONNX = "encoder.onnx"
PREPROCESSING = "preprocessing.json"
_TOLERANCE = 1e-3
_NOISE = 4
"""Pictures of noise at least; as many more as fill the last batch of a file that takes only whole ones."""


@dataclass(frozen=True, slots=True)
class TakenAway:
    """The files of the folder. `onnx_difference` is the largest relative difference between the vectors of the ONNX
    file and of the encoder on noise; where there is no ONNX file it is None and `no_onnx` says why."""

    folder: str
    files: tuple[str, ...]
    onnx_difference: float | None
    no_onnx: str


def take_away(spec_path: Path, output: Path) -> TakenAway:
    """Write the encoder whose `spec.json` is at `spec_path` to the folder `output`, which must be new or empty.

    `checkpoint:OUTPUT` registers it again, on any machine, to the same vectors. Raises TrainingError.
    """
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise TrainingError(f"{output} is there already and not an empty folder; choose another place.")
    spec = read_checkpoint(spec_path)
    output.mkdir(parents=True, exist_ok=True)
    for name in (*spec.files, TRAINED_ON, CARD):
        if checkpoint_file(spec_path, name).is_file():
            shutil.copyfile(checkpoint_file(spec_path, name), output / name)
    file = base_file(spec_path, spec.base) if spec.needs_base else None
    if file is not None:
        stem = file.name.partition(".")[0]
        for weights_file in sorted(file.parent.glob(f"{stem}*")):  # keys beside vectors, weights in several files
            if weights_file.suffix != ".part":
                shutil.copyfile(weights_file, output / f"base{weights_file.name.removeprefix(stem)}")
    if spec.base.preprocess is not None:
        rules = json.dumps(asdict(spec.base.preprocess), indent=1)
        (output / PREPROCESSING).write_text(rules + "\n", encoding="utf-8")
    shutil.copyfile(spec_path, output / SPEC)
    difference, reason = _try_onnx(output)
    return TakenAway(str(output), tuple(sorted(path.name for path in output.iterdir())), difference, reason)


def _try_onnx(folder: Path) -> tuple[float | None, str]:
    """The ONNX file beside the rest, once it has been seen to give the same vectors."""
    try:
        export_onnx(folder / SPEC, folder / ONNX)
    except TrainingError as error:
        return None, str(error)
    difference = onnx_difference(folder)
    if not difference <= _TOLERANCE:
        (folder / ONNX).unlink()
        return None, f"Its ONNX form gave other vectors (by {difference:.2g} of their length) and was not kept."
    return difference, ""


def as_onnx_input(entry: Any, pictures: NDArray[np.float32]) -> NDArray[Any]:
    """Prepared pictures [n, 3, h, w] in the layout and the numbers of an input of a session."""
    number_type = {"tensor(float16)": np.float16, "tensor(uint8)": np.uint8}.get(entry.type, np.float32)
    # What is prepared for a network that reads bytes are whole numbers, but for the last bits of a float.
    numbers = np.rint(pictures) if number_type is np.uint8 else pictures
    return np.ascontiguousarray(numbers if entry.shape[1] == 3 else numbers.transpose(0, 2, 3, 1), dtype=number_type)


def onnx_difference(folder: Path) -> float:
    """The largest |ONNX - encoder| / |encoder| over taps and pictures of noise."""
    import onnxruntime

    encoder = registry.load(registry.describe(f"checkpoint:{folder}"), device="cpu")
    if not isinstance(encoder, Encoder):
        raise TrainingError("Only an encoder of pictures has an ONNX form.")
    taps = [tap.name for tap in encoder.spec.taps]
    session = onnxruntime.InferenceSession(str(folder / ONNX), providers=["CPUExecutionProvider"])
    onnx_input = session.get_inputs()[0]
    batch = onnx_input.shape[0] if isinstance(onnx_input.shape[0], int) else _NOISE
    count = -(-_NOISE // batch) * batch
    pixels = np.random.default_rng(0).integers(256, size=(count, *encoder.input_shape), dtype=np.uint8)
    noise = normalise_pixels(pixels, encoder.spec.rules)
    expected = encoder.encode(noise, taps)
    parts = [
        session.run(taps, {onnx_input.name: as_onnx_input(onnx_input, noise[start : start + batch])})
        for start in range(0, count, batch)
    ]
    largest = 0.0
    for number, tap in enumerate(taps):
        vectors = np.concatenate([part[number] for part in parts])
        lengths = np.linalg.norm(expected[tap], axis=1)
        largest = max(
            largest, float((np.linalg.norm(vectors - expected[tap], axis=1) / np.maximum(lengths, 1e-12)).max())
        )
    return largest
