"""Any ONNX network that reads pictures, also one that this project has never heard of."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from models_registry.encoders.encoder_base import Encoder, check_trial
from models_registry.encoders.encoder_options import (
    PREPROCESS_OPTIONS,
    chosen_taps,
    picture_size,
    preprocess_with,
    refuse_unknown,
)
from models_registry.encoders.onnx.onnx_graph import open_session, other_file, read_input, read_model, read_outputs
from models_registry.encoders.pooling import POOLS, pool_states
from models_registry.errors import BadOption, EncoderError, WeightsMissing, WeightsRefused
from models_registry.spec import EncoderSpec, Preprocess, Tap

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import onnxruntime
    from numpy.typing import NDArray

    from models_registry.encoders.encoder_base import Vectors
    from models_registry.encoders.onnx.onnx_graph import OnnxInput, OnnxOutput


_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]+")
_LONGEST = 80


class OnnxFile:
    """`onnx:FILE`; options `tap`, `pool`, `size` (where the file leaves it open) and those of preprocessing."""

    version = 1

    def files(self, argument: str) -> tuple[Path, ...]:
        path = _existing_file(argument)
        return (path, *(other_file(path, name) for name in read_model(path).others))

    def describe(self, source: str, argument: str, options: Mapping[str, str]) -> EncoderSpec:
        refuse_unknown(source, options, ("tap", "pool", "size", *PREPROCESS_OPTIONS))
        path = _existing_file(argument)
        model = read_model(path)
        session = open_session(model, path, threads=1, device="cpu")
        picture_input = read_input(session, path)
        preprocess = _own_preprocess(source, picture_input, options)
        network = OnnxNetwork(session, picture_input, path)
        outputs = read_outputs(session, path)
        name_of = tap_names([output.name for output in outputs])
        pool = _chosen_pool(options)
        rows_of_output = network.try_out(preprocess.size, list(name_of), pool)
        rows_of_tap = {name_of[output]: rows for output, rows in rows_of_output.items()}
        vector_taps = [name_of[one.name] for one in outputs if one.flat or (pool and one.parts)]
        spec = EncoderSpec(
            family="onnx",
            version=self.version,
            source=source,
            taps=_choose_taps(source, _options_by_tap(options, name_of), rows_of_tap, vector_taps, outputs),
            preprocess=preprocess,
            weights_sha256=model.sha256,
            options={**_kept_names(name_of), **({"pool": pool} if pool else {})},
        )
        for tap in spec.taps:
            check_trial(source, tap.name, rows_of_tap[tap.name])
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

    def try_out(self, size: tuple[int, int], outputs: Sequence[str], pool: str) -> dict[str, NDArray[np.float32]]:
        """Vectors [2, dim] of noise at each output that has a row per picture.

        Also finds out whether a batch that the file declares open is so: exporters often leave a fixed reshape
        behind it. Raises EncoderError where nothing runs.
        """
        rng = np.random.default_rng(0)
        if self._entry.dtype == "uint8":
            noise = rng.integers(0, 256, (2, 3, *size)).astype(np.float32)
        else:
            noise = rng.standard_normal((2, 3, *size), dtype=np.float32)
        failure: EncoderError | None = None
        for batch in (None, 1) if self.batch is None else (self.batch,):
            self.batch = batch
            try:
                values_of_output = self.run(noise, outputs)
            except EncoderError as error:
                failure = error
                continue
            rows: dict[str, NDArray[np.float32]] = {}
            for name, values in values_of_output.items():
                try:
                    rows.update({name: as_vectors(values, pool)} if len(values) == 2 else {})
                except BadOption as error:  # a map beside tokens has no first one
                    failure = error
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
        if self._entry.dtype == "uint8":
            piece = np.rint(piece)  # what is prepared are whole numbers, but for the last bits of a float
        try:
            values = self._session.run(list(outputs), {self._entry.name: piece.astype(self._entry.dtype, copy=False)})
        except Exception as error:  # the runtime's errors share no public base class
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise EncoderError(f"{self._path} fails on pictures of {piece.shape[1:]}: {reason}") from error
        return {name: rows[:count] for name, rows in zip(outputs, values, strict=True)}


class OnnxEncoder(Encoder):
    """An ONNX network as an encoder; outputs of more than two dimensions are pooled, or flattened per picture."""

    def __init__(self, spec: EncoderSpec, path: Path, device: str) -> None:
        super().__init__(spec)
        self._path = path
        self._device = device
        self._output_of: Mapping[str, str] = spec.options.get("outputs", {})
        self._chosen_pool: str = spec.options.get("pool", "")
        self._network = self._open_network(self.threads)
        self._network.try_out(
            spec.rules.size, self._outputs_of_taps([tap.name for tap in spec.taps]), self._chosen_pool
        )

    def set_threads(self, threads: int) -> None:
        """Threads belong to the session, so another number opens the file again."""
        if threads != self.threads:
            network = self._open_network(threads)
            network.batch = self._network.batch
            self._network = network
            super().set_threads(threads)

    def _open_network(self, threads: int) -> OnnxNetwork:
        model = read_model(self._path)
        if model.sha256 != self.spec.weights_sha256:
            raise WeightsRefused(
                f"{self._path} is not the file that was registered: its SHA-256 differs. Register it anew."
            )
        session = open_session(model, self._path, threads=threads, device=self._device)
        return OnnxNetwork(session, read_input(session, self._path), self._path)

    def _forward_batch(self, batch: NDArray[np.float32], taps: Sequence[str]) -> Vectors:
        outputs = self._outputs_of_taps(taps)
        values_of_output = self._network.run(batch, outputs)
        return {
            tap: as_vectors(values_of_output[output], self._chosen_pool)
            for tap, output in zip(taps, outputs, strict=True)
        }

    def _outputs_of_taps(self, taps: Sequence[str]) -> list[str]:
        return [self._output_of.get(tap, tap) for tap in taps]


def as_vectors(values: NDArray[Any], pool: str) -> NDArray[np.float32]:
    """Vectors [n, dim] of an output [n, ...]: tokens and maps by their pooling where there is one, else flattened."""
    if pool and values.ndim in {3, 4} and values.shape[2:] != (1, 1):
        try:
            return pool_states(values.astype(np.float32, copy=False), pool)
        except ValueError as error:
            raise BadOption(f"pool {pool}: {error}; choose another, or with tap an output of tokens.") from error
    return values.reshape(len(values), -1).astype(np.float32, copy=False)


def _existing_file(argument: str) -> Path:
    path = Path(argument)
    if not argument or not path.is_file():
        raise WeightsMissing(f"There is no file {argument or 'after onnx:'}.")
    return path


def _own_preprocess(source: str, entry: OnnxInput, options: Mapping[str, str]) -> Preprocess:
    """A network that reads bytes normalises them itself: it gets pixels of 0 … 255 as they are."""
    size = _input_size(entry, options, source)
    if entry.dtype != "uint8":
        return preprocess_with(Preprocess(size), options)
    for name in ("mean", "std"):
        if name in options:
            raise BadOption(f"{source} reads bytes and normalises them itself: leave {name} out.")
    return preprocess_with(Preprocess(size, mean=0.0, std=1 / 255), options)  # type: ignore[arg-type]


def _chosen_pool(options: Mapping[str, str]) -> str:
    pool = options.get("pool", "")
    if pool and pool not in POOLS:
        raise BadOption(f"pool is one of {', '.join(POOLS)}, not {pool}.")
    return pool


def tap_names(outputs: Sequence[str]) -> dict[str, str]:
    """A tap's name for each output: folders are named by it, and what exporters write (`/head/Flatten_output_0`,
    `Identity:0`) fits no folder."""
    names: dict[str, str] = {}
    for output in outputs:
        plain = _UNSAFE.sub("-", output).strip("-.")[-_LONGEST:] or "output"
        name, number = plain, 2
        while name in names.values():
            name, number = f"{plain[: _LONGEST - 4]}-{number}", number + 1
        names[output] = name
    return names


def _options_by_tap(options: Mapping[str, str], name_of: Mapping[str, str]) -> dict[str, str]:
    """The options with outputs called by their taps' names: `tap` takes either."""
    if "tap" not in options:
        return dict(options)
    asked_names = [name.strip() for name in options["tap"].split(",")]
    return {**options, "tap": ",".join(name_of.get(name, name) for name in asked_names)}


def _kept_names(name_of: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """What the spec keeps, where a tap is called otherwise than its output."""
    renamed = {name: output for output, name in name_of.items() if name != output}
    return {"outputs": renamed} if renamed else {}


def _choose_taps(
    source: str,
    options: Mapping[str, str],
    rows_of_tap: Mapping[str, NDArray[np.float32]],
    vector_taps: Sequence[str],
    outputs: Sequence[OnnxOutput],
) -> tuple[Tap, ...]:
    """The outputs asked for, else those that are plainly vectors or are pooled into one."""
    taps = [Tap(name, rows.shape[1]) for name, rows in rows_of_tap.items()]
    plain_taps = [tap for tap in taps if tap.name in vector_taps]
    if not plain_taps and "tap" not in options:
        names = ", ".join(tap.name for tap in taps)
        parts = sorted({one.parts for one in outputs if one.parts})
        if parts:
            raise EncoderError(
                f"{source} gives {' and '.join(parts)}, not a vector for each picture: say how they become one with "
                f"--pool {'|'.join(POOLS)}, or have them flattened with --tap {names}."
            )
        raise EncoderError(f"{source} has no output that is plainly a vector; choose with tap among: {names}.")
    return chosen_taps(source, options, taps, plain_taps)


def _input_size(entry: OnnxInput, options: Mapping[str, str], source: str) -> tuple[int, int]:
    if entry.height and entry.width:
        fixed = (entry.height, entry.width)
        if picture_size(options, fixed) != fixed:
            raise BadOption(f"{source} reads pictures of {fixed[1]} x {fixed[0]} and no other size.")
        return fixed
    if "size" not in options:
        raise BadOption(f"{source} takes pictures of any size; say which it was trained on, for example --size 224.")
    height, width = picture_size(options, (0, 0))
    return (entry.height or height, entry.width or width)


FAMILY = OnnxFile()
