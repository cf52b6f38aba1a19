"""Any ONNX network that reads pictures, also one that this project has never heard of."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from models_registry.encoders.base import Encoder, check_finite
from models_registry.encoders.onnx_graph import open_session, read_input, read_outputs
from models_registry.encoders.options import (
    PREPROCESS_OPTIONS,
    chosen_taps,
    preprocess_with,
    refuse_unknown,
    whole_number,
)
from models_registry.errors import BadOption, EncoderError, WeightsMissing, WeightsRefused
from models_registry.spec import EncoderSpec, Preprocess, Tap

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import onnxruntime
    from numpy.typing import NDArray

    from models_registry.encoders.base import Vectors
    from models_registry.encoders.onnx_graph import OnnxInput


class OnnxFile:
    """`onnx:FILE`; options `tap`, `size` (where the file leaves it open) and those of preprocessing."""

    version = 1

    def files(self, argument: str) -> tuple[Path, ...]:
        path = Path(argument)
        if not argument or not path.is_file():
            raise WeightsMissing(f"There is no file {argument or 'after onnx:'}.")
        return (path,)

    def describe(self, source: str, argument: str, options: Mapping[str, str]) -> EncoderSpec:
        refuse_unknown(source, options, ("tap", "size", *PREPROCESS_OPTIONS))
        path = self.files(argument)[0]
        model = path.read_bytes()
        session = open_session(model, path, threads=1, device="cpu")
        entry = read_input(session, path)
        preprocess = preprocess_with(Preprocess(_input_size(entry, options, source)), options)
        network = OnnxNetwork(session, entry, path)
        outputs = read_outputs(session, path)
        found = network.try_out(preprocess.size, [output.name for output in outputs])
        spec = EncoderSpec(
            family="onnx",
            version=self.version,
            source=source,
            taps=_taps(source, options, found, [output.name for output in outputs if output.flat]),
            preprocess=preprocess,
            weights_sha256=hashlib.sha256(model).hexdigest(),
        )
        for tap in spec.taps:
            check_finite(source, tap.name, found[tap.name])
        return spec

    def load(self, spec: EncoderSpec, weights: Path | None, device: str) -> Encoder:
        return OnnxEncoder(spec, weights or Path(spec.source.partition(":")[2]), device)


class OnnxNetwork:
    """A session with its input, and the batch it can really take."""

    def __init__(self, session: onnxruntime.InferenceSession, entry: OnnxInput, path: Path) -> None:
        self._session = session
        self._entry = entry
        self._path = path
        self.batch = entry.batch

    def try_out(self, size: tuple[int, int], outputs: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        """Vectors [2, dim] of noise at each output that has a row per picture.

        Also finds out whether a batch that the file declares open is so: exporters often leave a fixed reshape
        behind it. Raises EncoderError where nothing runs.
        """
        noise = np.random.default_rng(0).standard_normal((2, 3, *size), dtype=np.float32)
        failure: EncoderError | None = None
        for batch in (None, 1) if self.batch is None else (self.batch,):
            self.batch = batch
            try:
                found = self.run(noise, outputs)
            except EncoderError as error:
                failure = error
                continue
            rows = {name: values.reshape(2, -1) for name, values in found.items() if len(values) == 2}
            if rows:
                return rows
        raise failure or EncoderError(f"{self._path} has no output with a row per picture.")

    def run(self, batch: NDArray[np.float32], outputs: Sequence[str]) -> dict[str, Any]:
        """The outputs of a batch [n, 3, h, w] as the network gives them, in pieces of its fixed batch if it has one."""
        step = self.batch or len(batch)
        pieces = [self._run_piece(batch[start : start + step], outputs) for start in range(0, len(batch), step)]
        return {name: np.concatenate([piece[name] for piece in pieces]) for name in outputs}

    def _run_piece(self, piece: NDArray[np.float32], outputs: Sequence[str]) -> dict[str, Any]:
        count = len(piece)
        if self.batch is not None and count < self.batch:
            piece = np.concatenate([piece, np.zeros((self.batch - count, *piece.shape[1:]), piece.dtype)])
        if not self._entry.channels_first:
            piece = np.ascontiguousarray(piece.transpose(0, 2, 3, 1))
        try:
            values = self._session.run(list(outputs), {self._entry.name: piece.astype(self._entry.dtype, copy=False)})
        except Exception as error:  # the runtime's errors share no public base class
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise EncoderError(f"{self._path} fails on pictures of {piece.shape[1:]}: {reason}") from error
        return {name: rows[:count] for name, rows in zip(outputs, values, strict=True)}


class OnnxEncoder(Encoder):
    """An ONNX network as an encoder; outputs of more than two dimensions are flattened per picture."""

    def __init__(self, spec: EncoderSpec, path: Path, device: str) -> None:
        super().__init__(spec)
        self._path = path
        self._device = device
        self._network = self._open(self.threads)
        self._network.try_out(spec.rules.size, [tap.name for tap in spec.taps])

    def set_threads(self, threads: int) -> None:
        """Threads belong to the session, so another number opens the file again."""
        if threads != self.threads:
            network = self._open(threads)
            network.batch = self._network.batch
            self._network = network
            super().set_threads(threads)

    def _open(self, threads: int) -> OnnxNetwork:
        try:
            model = self._path.read_bytes()
        except OSError as error:
            raise WeightsMissing(f"{self._path} cannot be read: {error.strerror or error}.") from error
        if hashlib.sha256(model).hexdigest() != self.spec.weights_sha256:
            raise WeightsRefused(
                f"{self._path} is not the file that was registered: its SHA-256 differs. Register it anew."
            )
        session = open_session(model, self._path, threads=threads, device=self._device)
        return OnnxNetwork(session, read_input(session, self._path), self._path)

    def _forward(self, batch: NDArray[np.float32], taps: Sequence[str]) -> Vectors:
        found = self._network.run(batch, taps)
        return {tap: found[tap].reshape(len(batch), -1).astype(np.float32, copy=False) for tap in taps}


def _taps(
    source: str, options: Mapping[str, str], found: Mapping[str, NDArray[np.float32]], flat: Sequence[str]
) -> tuple[Tap, ...]:
    """The outputs asked for, else those that are plainly vectors."""
    taps = [Tap(name, rows.shape[1]) for name, rows in found.items()]
    plain = [tap for tap in taps if tap.name in flat]
    if not plain and "tap" not in options:
        names = ", ".join(tap.name for tap in taps)
        raise EncoderError(f"{source} has no output that is plainly a vector; choose with tap among: {names}.")
    return chosen_taps(source, options, taps, plain)


def _input_size(entry: OnnxInput, options: Mapping[str, str], source: str) -> tuple[int, int]:
    if entry.height and entry.width:
        fixed = (entry.height, entry.width)
        if "size" in options and (whole_number(options, "size", 0),) * 2 != fixed:
            raise BadOption(f"{source} reads pictures of {fixed[1]} x {fixed[0]} and no other size.")
        return fixed
    if "size" not in options:
        raise BadOption(f"{source} takes pictures of any size; say which it was trained on, for example --size 224.")
    size = whole_number(options, "size", 0)
    return (entry.height or size, entry.width or size)


FAMILY = OnnxFile()
