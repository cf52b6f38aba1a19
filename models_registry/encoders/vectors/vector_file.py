"""Vectors computed elsewhere, found by key: npy with a list of keys beside it, npz, or parquet."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from models_registry.encoders.encoder_base import VectorLookup
from models_registry.encoders.encoder_options import refuse_unknown
from models_registry.encoders.vectors.vector_readers import key_file, read_vectors
from models_registry.errors import EncoderError, WeightsMissing, WeightsRefused
from models_registry.spec import EncoderSpec, Tap
from models_registry.weights import sha256_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

_ROWS_AT_ONCE = 4096


class VectorFile:
    """`vectors:FILE`; one tap, `embedding`."""

    version = 1

    def files(self, argument: str) -> tuple[Path, ...]:
        path = Path(argument)
        if not argument or not path.is_file():
            raise WeightsMissing(f"There is no file {argument or 'after vectors:'}.")
        return (path, key_file(path)) if path.suffix.lower() == ".npy" else (path,)

    def describe(self, source: str, argument: str, options: Mapping[str, str]) -> EncoderSpec:
        refuse_unknown(source, options, ())
        files = self.files(argument)
        _, vectors = _checked_table(files[0])
        return EncoderSpec(
            family="vectors",
            version=self.version,
            source=source,
            taps=(Tap("embedding", vectors.shape[1]),),
            preprocess=None,
            weights_sha256=_joint_hash(files),
            reads="keys",
        )

    def load(self, spec: EncoderSpec, weights: Path | None, device: str) -> VectorLookup:
        files = self.files(str(weights or spec.source.partition(":")[2]))
        if _joint_hash(files) != spec.weights_sha256:
            raise WeightsRefused(
                f"{files[0]} or its keys are not what was registered: the SHA-256 differs. Register it anew."
            )
        return FileLookup(spec, *_checked_table(files[0]))


class FileLookup(VectorLookup):
    """The rows of a file by key."""

    def __init__(self, spec: EncoderSpec, keys: Sequence[str], vectors: NDArray[np.float32]) -> None:
        super().__init__(spec)
        self._rows = {key: row for row, key in enumerate(keys)}
        self._vectors = vectors

    def find_vectors(self, keys: Sequence[str]) -> tuple[NDArray[np.float32], list[str]]:
        missing = [key for key in keys if key not in self._rows]
        rows = np.array([self._rows[key] for key in keys if key in self._rows], dtype=np.int64)
        return np.asarray(self._vectors[rows], dtype=np.float32), missing


def _checked_table(path: Path) -> tuple[list[str], NDArray[np.float32]]:
    """Keys and vectors [n, dim]; raises EncoderError for anything that would mislead later."""
    keys, vectors = read_vectors(path)
    if vectors.ndim != 2 or vectors.dtype.kind != "f" or vectors.size == 0:
        raise EncoderError(
            f"{path} holds {vectors.dtype} {vectors.shape}; a table of floats, a row per key, is needed."
        )
    if len(keys) != len(vectors):
        raise EncoderError(f"{path} has {len(vectors)} vectors but {len(keys)} keys.")
    if len(set(keys)) != len(keys):
        twice = Counter(keys).most_common(1)[0][0]
        raise EncoderError(f"{path} has the key {twice} more than once.")
    for start in range(0, len(vectors), _ROWS_AT_ONCE):
        with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinity here, and is reported
            rows = vectors[start : start + _ROWS_AT_ONCE].astype(np.float32)
        bad = np.flatnonzero(~np.isfinite(rows).all(axis=1))
        if bad.size:
            raise EncoderError(f"{path} has NaN or infinity in the vector of {keys[start + int(bad[0])]}.")
    return keys, vectors


def _joint_hash(files: Sequence[Path]) -> str:
    hashes = [sha256_of(path) for path in files]
    return hashes[0] if len(hashes) == 1 else hashlib.sha256("".join(hashes).encode()).hexdigest()


FAMILY = VectorFile()
