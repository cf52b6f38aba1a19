"""What an ONNX file says about itself: the picture it reads and the outputs it offers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from models_registry.errors import EncoderError

if TYPE_CHECKING:
    from pathlib import Path

    import onnxruntime

_INPUT_TYPES = {"tensor(float)": "float32", "tensor(float16)": "float16"}
_FLOATS = {*_INPUT_TYPES, "tensor(double)"}


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
    """An output of floats; `flat` when one row per picture is what it plainly is ([n, dim] or [n, dim, 1, 1])."""

    name: str
    flat: bool


def open_session(model: bytes, path: Path, *, threads: int, device: str) -> onnxruntime.InferenceSession:
    """A session on the bytes whose hash was taken, so that nothing can change in between.

    A file that keeps its weights in a second file is refused: its hash would say nothing about them.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Waiting threads that spin take the core from the threads that decode.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(model, options, providers=_providers(device))
    except Exception as error:  # the runtime's errors share no public base class
        if "external" in str(error).lower() or "model_path" in str(error):
            raise EncoderError(f"{path} keeps its weights in a second file; save the network as one file.") from error
        raise EncoderError(f"{path} is not an ONNX network that this runtime can load: {_first_line(error)}") from error


def read_input(session: onnxruntime.InferenceSession, path: Path) -> OnnxInput:
    """The one picture input; raises EncoderError where there is none or more than one input."""
    inputs = session.get_inputs()
    if len(inputs) != 1:
        names = ", ".join(entry.name for entry in inputs)
        raise EncoderError(f"{path} has {len(inputs)} inputs ({names}); a network that reads one picture is needed.")
    entry = inputs[0]
    if entry.type not in _INPUT_TYPES or len(entry.shape) != 4:
        raise EncoderError(
            f"{path}: the input {entry.name} is {entry.type} {_shape(entry)}; "
            "floats of the shape [n, 3, height, width] or [n, height, width, 3] are needed."
        )
    batch, *rest = (size if isinstance(size, int) and size > 0 else None for size in entry.shape)
    channels_first = _channels_first(rest, f"{path}: the input {entry.name} is {_shape(entry)}")
    height, width = rest[1:] if channels_first else rest[:2]
    return OnnxInput(entry.name, _INPUT_TYPES[entry.type], channels_first, height, width, batch)


def read_outputs(session: onnxruntime.InferenceSession, path: Path) -> list[OnnxOutput]:
    """The outputs of floats that may hold a row per picture; raises EncoderError where there is none."""
    outputs = [
        OnnxOutput(entry.name, len(entry.shape) == 2 or (len(entry.shape) == 4 and entry.shape[2:] == [1, 1]))
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


def _providers(device: str) -> list[str]:
    import onnxruntime

    has_gpu = "CUDAExecutionProvider" in onnxruntime.get_available_providers()
    if device.startswith("cuda") and not has_gpu:
        raise EncoderError(f"The device {device} was asked for, but this onnxruntime has no GPU; use cpu or auto.")
    return (
        ["CUDAExecutionProvider", "CPUExecutionProvider"] if has_gpu and device != "cpu" else ["CPUExecutionProvider"]
    )


def _shape(entry: Any) -> str:
    return "[" + ", ".join(str(size) for size in entry.shape) + "]"


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
