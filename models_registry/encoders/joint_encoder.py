"""Several encoders side by side: their vectors, each at length 1, one after the other.

What one network does not see another may: a map learnt from votes over the joint vectors says how much of each people
go by. A joint is a JSON file that names its parts by their specs; their files are found by hash.

    {"format": 1, "parts": [{"spec": {…}, "tap": "embedding", "start": 0, "stop": 1280}, …]}
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from models_registry import registry
from models_registry.encoders.encoder_base import Encoder
from models_registry.encoders.encoder_options import refuse_unknown
from models_registry.errors import EncoderError, WeightsMissing
from models_registry.spec import EncoderSpec, Tap
from models_registry.weights import checked_file, sha256_of

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image

    from models_registry.encoders.encoder_base import Vectors
    from models_registry.spec import Box, Reads

    Floats = NDArray[np.float32]

FORMAT = 1
TAP = "embedding"


@dataclass(frozen=True, slots=True)
class Part:
    """Components `start`..`stop` of one encoder's vectors at one tap."""

    spec: EncoderSpec
    tap: str
    start: int
    stop: int

    @property
    def dim(self) -> int:
        """How many components it brings."""
        return self.stop - self.start


def write_joint(path: Path, parts: Sequence[Part]) -> None:
    """Write the file of a joint; equal parts give equal bytes. Raises EncoderError where there are none."""
    if not parts:
        raise EncoderError("A joint needs at least one encoder.")
    lines = [
        {"spec": {**part.spec.to_json(), "source": part.spec.family}, "tap": part.tap, "start": part.start,
         "stop": part.stop}
        for part in parts
    ]  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"format": FORMAT, "parts": lines}, sort_keys=True, indent=1) + "\n", encoding="utf-8")


def read_joint(path: Path) -> tuple[Part, ...]:
    """The parts that a file names; raises EncoderError where it is none."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        parts = tuple(
            Part(EncoderSpec.from_json(line["spec"]), line["tap"], line["start"], line["stop"])
            for line in record["parts"]
        )
        form = record["format"]
    except OSError as error:
        raise WeightsMissing(f"{path} cannot be read: {error.strerror or error}.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise EncoderError(f"{path} does not name encoders to be joined: {error}.") from error
    if form != FORMAT:
        raise EncoderError(f"{path} has format {form}; this version reads format {FORMAT}.")
    return parts


def side_by_side(rows: Sequence[Floats]) -> Floats:
    """Vectors [n, sum of d] from the parts' [n, d], each row of each part at length 1; a zero vector stays zero."""
    return np.concatenate([part / np.maximum(_row_lengths(part), np.float32(1e-12)) for part in rows], axis=1)


def _row_lengths(rows: Floats) -> Floats:
    return np.asarray(np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


class JointFamily:
    """`joint:FILE`; one tap, `embedding`."""

    version = 1

    def files(self, argument: str) -> tuple[Path, ...]:
        return (_joint_file(argument),)

    def describe(self, source: str, argument: str, options: Mapping[str, str]) -> EncoderSpec:
        refuse_unknown(source, options, ())
        path = _joint_file(argument)
        parts = read_joint(path)
        return EncoderSpec(
            family="joint",
            version=self.version,
            source=source,
            taps=(Tap(TAP, sum(part.dim for part in parts)),),
            # That of the first part that has one, for the record: every part prepares the picture by its own rules.
            preprocess=next((part.spec.preprocess for part in parts if part.spec.preprocess is not None), None),
            weights_sha256=sha256_of(path),
            # Where the parts' vectors are stored already, the joint ones follow from them.
            options={
                "parts": [
                    {"fingerprint": part.spec.fingerprint, "tap": part.tap, "start": part.start, "stop": part.stop}
                    for part in parts
                ]
            },
            reads=_read_by(parts),
        )

    def load(self, spec: EncoderSpec, weights: Path | None, device: str) -> Encoder:
        from models_registry.encoders.checkpoint import base_file

        if spec.reads != "pictures":
            raise EncoderError(
                f"{spec.source} takes in vectors that were computed elsewhere: it answers for items that have them, "
                "not for pictures, and all its parts must be registered here."
            )
        path = checked_file(weights or _joint_file(spec.source.partition(":")[2]), spec.weights_sha256)
        parts = read_joint(path)
        encoders = [registry.load(part.spec, weights=base_file(path, part.spec), device=device) for part in parts]
        ready = [encoder for encoder in encoders if isinstance(encoder, Encoder)]
        return JointEncoder(spec, parts, ready)


class JointEncoder(Encoder):
    """All parts on one picture. Its prepared picture is those of the parts, flattened and one behind the other."""

    def __init__(self, spec: EncoderSpec, parts: Sequence[Part], encoders: Sequence[Encoder]) -> None:
        super().__init__(spec)
        self._parts = list(zip(parts, encoders, strict=True))
        sizes = [int(np.prod(encoder.input_shape)) for encoder in encoders]
        self._edges = [0, *np.cumsum(sizes).tolist()]
        self.pass_size = min(encoder.pass_size for encoder in encoders)

    @property
    def input_shape(self) -> tuple[int, ...]:
        return (self._edges[-1],)

    def prepare(self, out: Floats, image: Image.Image, box: Box | None) -> None:
        for (_, encoder), start, stop in self._with_edges():
            encoder.prepare(out[start:stop].reshape(encoder.input_shape), image, box)

    def set_threads(self, threads: int) -> None:
        super().set_threads(threads)
        for _, encoder in self._parts:
            encoder.set_threads(threads)

    def _forward_batch(self, batch: Floats, taps: Sequence[str]) -> Vectors:
        rows = []
        for (part, encoder), start, stop in self._with_edges():
            pictures = np.ascontiguousarray(batch[:, start:stop]).reshape(len(batch), *encoder.input_shape)
            rows.append(encoder.encode(pictures, [part.tap])[part.tap][:, part.start : part.stop])
        return dict.fromkeys(taps, side_by_side(rows))

    def _with_edges(self) -> list[tuple[tuple[Part, Encoder], int, int]]:
        return list(zip(self._parts, self._edges[:-1], self._edges[1:], strict=True))


def _read_by(parts: Sequence[Part]) -> Reads:
    kinds = {part.spec.reads for part in parts}
    return kinds.pop() if len(kinds) == 1 else "both"


def _joint_file(argument: str) -> Path:
    path = Path(argument)
    if not argument or not path.is_file():
        raise WeightsMissing(f"There is no file {argument or 'after joint:'}.")
    return path


FAMILY = JointFamily()
