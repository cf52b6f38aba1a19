"""The store: a folder per encoder and tap, in it shards that only ever get more."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

import numpy as np

from models_registry.store import shards
from models_registry.store.keys import as_array
from models_registry.store.vectors import Vectors, checked

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import ArrayLike, NDArray

logger = logging.getLogger(__name__)

_FINGERPRINT = re.compile(r"[0-9a-f]{64}")
_TAP = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
_NO_KEYS: NDArray[np.bytes_] = as_array([])


class MissingVectors(LookupError):
    """Vectors that were asked for are not in the store; `keys` says which."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        super().__init__(f"{len(keys)} vectors are not computed yet; compute them and ask again.")
        self.keys = list(keys)


class VectorStore:
    """All vectors below `root`, by encoder and tap."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def folder(self, fingerprint: str, tap: str) -> TapStore:
        """The vectors of one tap of the encoder with this fingerprint (SHA-256 of its spec, 64 hex digits).

        Both become names of folders, so anything that could lead elsewhere raises ValueError.
        """
        if not _FINGERPRINT.fullmatch(fingerprint):
            raise ValueError(f"An encoder's fingerprint is 64 lower-case hex digits, not {fingerprint!r}.")
        if not _TAP.fullmatch(tap):
            raise ValueError(f"A tap is named with letters, digits, '_', '-' and '.', not {tap!r}.")
        return TapStore(self.root / fingerprint[:2] / fingerprint / tap)


class TapStore:
    """Vectors of one encoder at one tap, by key. Any number of processes may read and write at once.

    Shards are written once and never changed, so a reader needs no lock; where two processes wrote the same key,
    the older shard counts, for every reader alike.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._shards: dict[str, shards.Shard] = {}
        self._broken: dict[str, shards.BrokenShard] = {}
        self._parts: list[shards.Shard] = []
        self._offsets = np.zeros(1, dtype=np.int64)
        self._sorted_keys = _NO_KEYS
        self._places = np.zeros(0, dtype=np.int64)

    @property
    def count(self) -> int:
        """How many keys have a vector."""
        self._look_for_shards()
        return len(self._sorted_keys)

    @property
    def dim(self) -> int | None:
        """Components of a vector; None while nothing is stored."""
        self._look_for_shards()
        return int(self._parts[0].vectors.shape[1]) if self._parts else None

    @property
    def broken(self) -> list[shards.BrokenShard]:
        """Shards that are not used because their files do not fit together; their keys count as missing."""
        self._look_for_shards()
        return list(self._broken.values())

    def missing(self, keys: Sequence[bytes]) -> list[bytes]:
        """Those of the keys that have no vector yet: in the order given, each once."""
        self._look_for_shards()
        found = self._find(as_array(keys)) >= 0
        return list(dict.fromkeys(key for key, there in zip(keys, found.tolist(), strict=True) if not there))

    def write(self, keys: Sequence[bytes], vectors: ArrayLike) -> None:
        """Store vectors [n, d] under keys [n]: on disk and whole when this returns.

        Keys that have a vector already are skipped, so writing again does no harm. Raises ValueError for vectors of
        another length than those stored, and for NaN or infinity.
        """
        array, wanted = checked(vectors), as_array(keys)
        if len(wanted) != len(array):
            raise ValueError(f"{len(wanted)} keys do not fit {len(array)} vectors.")
        if self.dim not in (None, array.shape[1]):
            raise ValueError(f"Vectors here have {self.dim} components, not {array.shape[1]}: another encoder's?")
        shards.remove_abandoned(self.path)
        firsts = np.sort(np.unique(wanted, return_index=True)[1])
        new = firsts[self._find(wanted[firsts]) < 0]
        if len(new):
            shards.write_shard(self.path, wanted[new], array[new])

    def reader(self, keys: Sequence[bytes]) -> Vectors:
        """The vectors of these keys, in this order, keys repeated at will; raises MissingVectors."""
        if not keys:
            return Vectors.from_array(np.empty((0, self.dim or 1), dtype=np.float32))
        self._look_for_shards()
        places = self._find(as_array(keys))
        if (places < 0).any():
            raise MissingVectors(self.missing(keys))
        part_of = np.searchsorted(self._offsets, places, side="right") - 1
        parts = [part.vectors for part in self._parts]
        bits = [part.bits for part in self._parts]
        return Vectors(parts, bits, part_of, places - self._offsets[part_of], parts[0].shape[1])

    def verify(self) -> list[shards.BrokenShard]:
        """Read every shard and compare its checksums; what comes back is broken. Slow: it reads everything."""
        found = []
        for path in self._shard_paths():
            try:
                shards.verify_shard(path)
            except shards.BrokenShardError as error:
                found.append(shards.BrokenShard(path, str(error)))
        return found

    def _find(self, wanted: NDArray[np.bytes_]) -> NDArray[np.int64]:
        """The place of each key among all rows of all shards, -1 where it has none."""
        if not len(self._sorted_keys):
            return np.full(len(wanted), -1, dtype=np.int64)
        at = np.minimum(np.searchsorted(self._sorted_keys, wanted), len(self._sorted_keys) - 1)
        return np.where(self._sorted_keys[at] == wanted, self._places[at], -1)

    def _shard_paths(self) -> list[Path]:
        if not self.path.is_dir():
            return []
        return sorted(path for path in self.path.iterdir() if not path.name.startswith("."))

    def _look_for_shards(self) -> None:
        """Take in the shards that this or another process has added since."""
        paths = self._shard_paths()
        new = [path for path in paths if path.name not in self._shards and path.name not in self._broken]
        for path in new:
            try:
                self._shards[path.name] = self._fitting(shards.open_shard(path))
            except shards.BrokenShardError as error:
                self._broken[path.name] = shards.BrokenShard(path, str(error))
                logger.warning("The vectors in %s are not used: %s.", path, error)
        if new:
            self._build_index()

    def _fitting(self, shard: shards.Shard) -> shards.Shard:
        others = next(iter(self._shards.values()), shard)
        if shard.vectors.shape[1] != others.vectors.shape[1]:
            lengths = f"{shard.vectors.shape[1]} components, the others {others.vectors.shape[1]}"
            raise shards.BrokenShardError(f"its vectors have {lengths}")
        return shard

    def _build_index(self) -> None:
        self._parts = [self._shards[name] for name in sorted(self._shards)]
        self._offsets = np.cumsum([0, *(len(part.keys) for part in self._parts)])
        every = np.concatenate([_NO_KEYS, *(part.keys for part in self._parts)])
        self._sorted_keys, self._places = np.unique(every, return_index=True)
