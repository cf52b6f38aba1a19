"""What an ONNX file says about itself: the picture it reads and the outputs it offers."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models_registry.encoders.onnx.external_data import external_files
from models_registry.errors import EncoderError, WeightsMissing, WeightsRefused

if TYPE_CHECKING:
    import onnxruntime

logger = logging.getLogger(__name__)

_INPUT_TYPES = {"tensor(float)": "float32", "tensor(float16)": "float16", "tensor(uint8)": "uint8"}
_FLOATS = {"tensor(float)", "tensor(float16)", "tensor(double)"}


@dataclass(frozen=True, slots=True)
class OnnxInput:
    """The picture input. `height`, `width` and `batch` are None where the file leaves them open."""

    name: str
    dtype: str
    channels_first: bool
    height: int | None
    width: int | None
    batch: int | None


@dataclass(frozen=True, slots=True)
class OnnxOutput:
    """An output of floats; `flat` when one row per picture is what it plainly is ([n, dim] or [n, dim, 1, 1]).

    `parts` says what else there is of each picture: tokens [n, t, c] or a map of places [n, c, h, w].
    """

    name: str
    flat: bool
    parts: str = ""


@dataclass(frozen=True, slots=True)
class OnnxModel:
    """The bytes of a network and of the files in which it keeps weights, by the name that it calls them."""

    network: bytes
    others: Mapping[str, bytes]

    @property
    def sha256(self) -> str:
        """SHA-256 (hex) of the network, or over its hash and those of all other files."""
        network_sha256 = hashlib.sha256(self.network).hexdigest()
        if not self.others:
            return network_sha256
        parts = [
            network_sha256,
            *(f"{name} {hashlib.sha256(self.others[name]).hexdigest()}" for name in sorted(self.others)),
        ]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def read_model(path: Path) -> OnnxModel:
    """The network at `path` with the files beside it; raises WeightsMissing and WeightsRefused."""
    network = _bytes_of(path)
    others: dict[str, bytes] = {}
    for name in external_files(network):
        if not name or Path(name).name != name:
            raise WeightsRefused(
                f"{path} keeps weights in {name or 'a file that it does not name'}; they must lie beside it: save it "
                "anew with onnx.save(model, FILE, save_as_external_data=True)."
            )
        others[name] = _bytes_of(other_file(path, name))
    return OnnxModel(network, others)


def other_file(path: Path, name: str) -> Path:
    """Where the network at `path` has the file that it calls `name`.

    Beside a copy that is named by its hash, the other file begins with that too, in place of what the two had in
    common. The hash over all of them tells whether it is the right one.
    """
    stem = path.name.partition(".")[0]
    named = [path.with_name(name), *(path.with_name(stem + name[start:]) for start in range(len(name)))]
    return next((one for one in named if one != path and one.is_file()), named[0])


def single_file(network: bytes, path: Path) -> OnnxModel:
    """A network that keeps everything in its own bytes; raises WeightsRefused for another."""
    if external_files(network):
        raise WeightsRefused(f"{path} keeps its weights in a second file; save the network as one file.")
    return OnnxModel(network, {})


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise WeightsMissing(f"{path} cannot be read: {error.strerror or error}.") from error


def open_session(model: OnnxModel, path: Path, *, threads: int, device: str) -> onnxruntime.InferenceSession:
    """A session on the bytes whose hash was taken, so that nothing can change in between."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Waiting threads that spin take the core from the threads that decode.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if model.others:
        names = list(model.others)
        lengths = [len(model.others[name]) for name in names]
        options.add_external_initializers_from_files_in_memory(names, [model.others[name] for name in names], lengths)
    providers = _execution_providers(device)
    try:
        return onnxruntime.InferenceSession(model.network, options, providers=providers)
    except Exception as error:  # the runtime's errors share no public base class
        raise EncoderError(f"{path} is not an ONNX network that this runtime can load: {_first_line(error)}") from error


def read_input(session: onnxruntime.InferenceSession, path: Path) -> OnnxInput:
    """The one picture input; raises EncoderError where there is none or more than one input."""
    inputs = session.get_inputs()
    if len(inputs) != 1:
        names = ", ".join(entry.name for entry in inputs)
        raise EncoderError(
            f"{path} has {len(inputs)} inputs ({names}); a network that reads one picture is needed. Export its side "
            "of pictures alone, or cut it out with onnx.utils.extract_model(FILE, NEW, [PICTURE INPUT], [OUTPUT])."
        )
    entry = inputs[0]
    if entry.type not in _INPUT_TYPES or len(entry.shape) != 4:
        raise EncoderError(
            f"{path}: the input {entry.name} is {entry.type} {_shape_text(entry)}; "
            "floats or bytes of the shape [n, 3, height, width] or [n, height, width, 3] are needed."
        )
    batch, *rest = (size if isinstance(size, int) and size > 0 else None for size in entry.shape)
    channels_first = _channels_first(rest, f"{path}: the input {entry.name} is {_shape_text(entry)}")
    height, width = rest[1:] if channels_first else rest[:2]
    return OnnxInput(entry.name, _INPUT_TYPES[entry.type], channels_first, height, width, batch)


def read_outputs(session: onnxruntime.InferenceSession, path: Path) -> list[OnnxOutput]:
    """The outputs of floats that may hold a row per picture; raises EncoderError where there is none."""
    outputs = [
        OnnxOutput(
            entry.name,
            len(entry.shape) == 2 or (len(entry.shape) == 4 and entry.shape[2:] == [1, 1]),
            {3: "tokens", 4: "map"}.get(len(entry.shape), ""),
        )
        for entry in session.get_outputs()
        if entry.type in _FLOATS and len(entry.shape) >= 2
    ]
    if not outputs:
        raise EncoderError(f"{path} has no output of floats with a row per picture.")
    return outputs


def _channels_first(sizes: list[int | None], complaint: str) -> bool:
    if sizes[0] == 3 or (sizes[0] is None and sizes[2] != 3):
        return True
    if sizes[2] == 3:
        return False
    raise EncoderError(f"{complaint}; three colour channels are needed.")


def _execution_providers(device: str) -> list[str]:
    import onnxruntime

    has_gpu = "CUDAExecutionProvider" in onnxruntime.get_available_providers()
    if device.startswith("cuda") and not has_gpu:
        # The runtime among the requirements is the one for processors: the rest of the worker still has its GPU.
        logger.warning("This onnxruntime has no GPU: ONNX networks are computed on the processor.")
    return (
        ["CUDAExecutionProvider", "CPUExecutionProvider"] if has_gpu and device != "cpu" else ["CPUExecutionProvider"]
    )


def _shape_text(entry: Any) -> str:
    return "[" + ", ".join(str(size) for size in entry.shape) + "]"


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
