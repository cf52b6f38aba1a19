"""The store: a folder per encoder and tap, in it shards that only ever get more."""

from __future__ import annotations

import logging
import os
import re
import shutil
from typing import TYPE_CHECKING

import numpy as np

from models_registry.store import shards
from models_registry.store.stored_vectors import Vectors, checked_vectors
from models_registry.store.vector_keys import join_keys

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import ArrayLike

logger = logging.getLogger(__name__)

_FINGERPRINT = re.compile(r"[0-9a-f]{64}")
_TAP = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")


class MissingVectors(LookupError):
    """Vectors that were asked for are not in the store; `keys` says which."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        super().__init__(f"{len(keys)} vectors are not computed yet; compute them and ask again.")
        self.keys = list(keys)


class VectorStore:
    """All vectors below `root`, by encoder and tap."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def tap_store(self, fingerprint: str, tap: str) -> TapStore:
        """The vectors of one tap of the encoder with this fingerprint (SHA-256 of its spec, 64 hex digits).

        Both become names of folders, so anything that could lead elsewhere raises ValueError.
        """
        if not _FINGERPRINT.fullmatch(fingerprint):
            raise ValueError(f"An encoder's fingerprint is 64 lower-case hex digits, not {fingerprint!r}.")
        if not _TAP.fullmatch(tap):
            raise ValueError(f"A tap is named with letters, digits, '_', '-' and '.', not {tap!r}.")
        return TapStore(self.root / fingerprint[:2] / fingerprint / tap)

    def taps(self) -> Iterator[tuple[str, str, TapStore]]:
        """Every tap that has a folder, with its encoder's fingerprint and its name, in their order."""
        for path in sorted(self.root.glob("*/*/*")):
            if path.is_dir() and _FINGERPRINT.fullmatch(path.parent.name) and _TAP.fullmatch(path.name):
                yield path.parent.name, path.name, TapStore(path)


class TapStore:
    """Vectors of one encoder at one tap, by key. Any number of processes may read and write at once.

    Shards are written once and never changed, so a reader needs no lock. Where two processes wrote the same key, the
    older shard counts for everyone who opens the store afterwards.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._forget_shards()

    @property
    def count(self) -> int:
        """How many keys have a vector."""
        self._look_for_shards()
        return len(self._row_of_key)

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return sum(file.stat().st_size for path in self._shard_paths() for file in path.iterdir())

    @property
    def dtypes(self) -> list[str]:
        """How the vectors are kept: `float32`, `float16` or both."""
        self._look_for_shards()
        return sorted({str(part.vectors.dtype) for part in self._parts})

    @property
    def dim(self) -> int | None:
        """Components of a vector; None while nothing is stored."""
        self._look_for_shards()
        return int(self._parts[0].vectors.shape[1]) if self._parts else None

    @property
    def broken(self) -> list[shards.BrokenShard]:
        """Shards that are not used because their files do not fit together; their keys count as missing."""
        self._look_for_shards()
        return list(self._broken)

    def missing(self, keys: Sequence[bytes]) -> list[bytes]:
        """Those of the keys that have no vector yet: in the order given, each once."""
        self._look_for_shards()
        return [key for key in dict.fromkeys(keys) if key not in self._row_of_key]

    def write(self, keys: Sequence[bytes], vectors: ArrayLike, *, half: bool = False) -> Path | None:
        """Store vectors [n, d] under keys [n], as float16 if `half`: on disk and whole when this returns.

        What comes back is the new shard, None where nothing was new.

        Keys that have a vector already are skipped, so writing again does no harm. Raises ValueError for vectors of
        another length than those stored, and for NaN or infinity.
        """
        array = checked_vectors(vectors)
        if len(keys) != len(array):
            raise ValueError(f"{len(keys)} keys do not fit {len(array)} vectors.")
        join_keys(keys)  # raises for keys of another length while nothing is written yet
        if self.dim not in (None, array.shape[1]):
            raise ValueError(f"Vectors here have {self.dim} components, not {array.shape[1]}: another encoder's?")
        shards.remove_abandoned(self.path)
        row_of = dict(zip(reversed(keys), reversed(range(len(keys))), strict=True))  # of equal keys the first stays
        if new := self.missing(keys):
            return shards.write_shard(self.path, new, array[[row_of[key] for key in new]], half=half)
        return None

    def reader(self, keys: Sequence[bytes]) -> Vectors:
        """The vectors of these keys, in this order, keys repeated at will; raises MissingVectors."""
        if not keys:
            return Vectors.from_array(np.empty((0, self.dim or 1), dtype=np.float32))
        if missing := self.missing(keys):
            raise MissingVectors(missing)
        rows = np.fromiter((self._row_of_key[key] for key in keys), np.int64, len(keys))
        offsets = np.array(self._offsets)
        part_of = np.searchsorted(offsets, rows, side="right") - 1
        parts = [part.vectors for part in self._parts]
        bits = [part.bits for part in self._parts]
        return Vectors(parts, bits, part_of, rows - offsets[part_of], parts[0].shape[1])

    def remove_unneeded(self, needed: Collection[bytes]) -> list[Path]:
        """Delete the shards that hold none of these keys; what comes back is gone. Who has one open keeps it."""
        self._look_for_shards()
        unneeded = [part for part in self._parts if not any(key in needed for key in part.keys)]
        for part in unneeded:
            # First out of sight, in one step: nobody may find half a shard.
            hidden = part.path.with_name(f"{shards.UNFINISHED}removed-{part.path.name}")
            part.path.rename(hidden)
            shutil.rmtree(hidden)
        return [part.path for part in unneeded]

    def verify(self) -> list[shards.BrokenShard]:
        """Read every shard and compare its checksums; what comes back is broken. Slow: it reads everything."""
        broken_shards = []
        for path in self._shard_paths():
            try:
                shards.verify_shard(path)
            except shards.BrokenShardError as error:
                broken_shards.append(shards.BrokenShard(path, str(error)))
        return broken_shards

    def _shard_paths(self) -> list[Path]:
        return [self.path / name for name in self._shard_names()]

    def _shard_names(self) -> list[str]:
        """Names only: a large catalogue has thousands of shards, and they are looked for at every chunk."""
        try:
            return sorted(name for name in os.listdir(self.path) if not name.startswith("."))
        except FileNotFoundError:
            return []

    def _forget_shards(self) -> None:
        self._known_shards: set[str] = set()
        self._broken: list[shards.BrokenShard] = []
        self._parts: list[shards.Shard] = []
        self._offsets = [0]  # where the rows of each part begin among all rows
        self._row_of_key: dict[bytes, int] = {}

    def _look_for_shards(self) -> None:
        """Take in the shards that this or another process has added since; start anew where one was deleted."""
        names = self._shard_names()
        if self._known_shards.difference(names):
            self._forget_shards()
        for name in names:
            if name not in self._known_shards:
                self._open_shard(name)

    def _open_shard(self, name: str) -> None:
        try:
            self._take_in_shard(shards.open_shard(self.path / name))
        except shards.BrokenShardError as error:
            self._broken.append(shards.BrokenShard(self.path / name, str(error)))
            logger.warning("The vectors in %s are not used: %s.", self.path / name, error)
        self._known_shards.add(name)

    def _take_in_shard(self, shard: shards.Shard) -> None:
        if self._parts and shard.vectors.shape[1] != self._parts[0].vectors.shape[1]:
            lengths = f"{shard.vectors.shape[1]} components, the others {self._parts[0].vectors.shape[1]}"
            raise shards.BrokenShardError(f"its vectors have {lengths}")
        for row, key in enumerate(shard.keys, start=self._offsets[-1]):
            self._row_of_key.setdefault(key, row)
        self._parts.append(shard)
        self._offsets.append(self._offsets[-1] + len(shard.keys))
