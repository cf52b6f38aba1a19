"""One shard: a folder of vectors, bits and keys that appears whole or not at all.

    <time>-<random>/
        vectors.npy   [n, d] float32 or float16, memory-mapped by readers
        bits.npy      [n, ceil(d / 8)] uint8, the packed `x > 0` of the float32 values that were written
        keys.bin      32 bytes per vector
        shard.json    count, dim and the SHA-256 of each file

Names begin with the time of writing, so that sorting by name puts the older shard first.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import resource
import secrets
import shutil
import time
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from models_registry.metrics import sign_bits
from models_registry.store.vector_keys import KEY_BYTES, join_keys, part_keys

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

VERSION = 1
UNFINISHED = ".unfinished-"
ABANDONED_AFTER_SECONDS = 60.0

_FILES = ("vectors.npy", "bits.npy", "keys.bin")
_OUR_OWN_LACK = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)
"""What keeps a whole shard from being opened: taken for broken, its vectors would be computed again."""


class BrokenShardError(Exception):
    """A shard's files do not fit together; the message says how."""


@dataclass(frozen=True, slots=True)
class BrokenShard:
    """A shard that is not used: its folder and what is wrong with it, in words."""

    path: Path
    reason: str


@dataclass(frozen=True, slots=True)
class Shard:
    """A whole shard; the arrays are memory-mapped read-only."""

    path: Path
    keys: list[bytes]
    vectors: NDArray[np.float32] | NDArray[np.float16]
    bits: NDArray[np.uint8]


def write_shard(folder: Path, keys: Sequence[bytes], vectors: NDArray[np.float32], *, half: bool = False) -> Path:
    """Write keys [n] and vectors [n, d] as a new shard of `folder` and return its path.

    With `half`, vectors are kept as float16, in half the space, unless one of them is beyond what that holds.

    The files are made under a temporary name and reach the disk before the folder gets its own, so a process
    killed at any moment leaves either the whole shard or a folder that no reader looks at.
    """
    with unfinished_folder(folder) as unfinished:
        np.save(unfinished / "vectors.npy", np.ascontiguousarray(_half_if_it_fits(vectors) if half else vectors))
        np.save(unfinished / "bits.npy", sign_bits(vectors))
        (unfinished / "keys.bin").write_bytes(join_keys(keys))
        facts = {
            "version": VERSION,
            "count": len(keys),
            "dim": int(vectors.shape[1]),
            "sha256": {file: _file_sha256(unfinished / file) for file in _FILES},
        }
        (unfinished / "shard.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
        for file in unfinished.iterdir():
            _sync_to_disk(file)
        _sync_to_disk(unfinished)
        final = folder / f"{time.time_ns():016x}-{secrets.token_hex(4)}"
        unfinished.rename(final)
    _sync_to_disk(folder)
    return final


def open_shard(path: Path) -> Shard:
    """Map a shard, having checked that its files fit together in size and shape.

    Raises BrokenShardError, and OSError where this process may not open or map any more. Contents are checked by
    `verify_shard`: that reads everything, this reads the keys.
    """
    allow_many_files()
    try:
        facts = json.loads((path / "shard.json").read_text(encoding="utf-8"))
        version, count, dim = facts["version"], facts["count"], facts["dim"]
        raw_keys = (path / "keys.bin").read_bytes()
        vectors = np.load(path / "vectors.npy", mmap_mode="r", allow_pickle=False)
        bits = np.load(path / "bits.npy", mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, KeyError, TypeError, EOFError) as error:
        if isinstance(error, OSError) and error.errno in _OUR_OWN_LACK:
            raise
        raise BrokenShardError(f"a file cannot be read ({error})") from error
    if version != VERSION:
        raise BrokenShardError(f"it has version {version!r}, this program reads version {VERSION}")
    if vectors.shape != (count, dim) or vectors.dtype not in (np.float32, np.float16):
        raise BrokenShardError(f"vectors.npy holds {vectors.dtype} {vectors.shape}, not floats {(count, dim)}")
    if bits.shape != (count, -(-dim // 8)) or bits.dtype != np.uint8:
        raise BrokenShardError(f"bits.npy holds {bits.dtype} {bits.shape}, which does not fit {(count, dim)}")
    if len(raw_keys) != count * KEY_BYTES:
        raise BrokenShardError(f"keys.bin holds {len(raw_keys)} bytes, not {count * KEY_BYTES}")
    # Plain array views of the maps: np.memmap does work of its own on every slice.
    return Shard(path, part_keys(raw_keys), np.asarray(vectors), np.asarray(bits))


@lru_cache(maxsize=1)
def allow_many_files() -> None:
    """Let this process have as many files open as the system lets it ask for: every mapping holds one, a shard two.

    The usual 1,024 end at 500 shards, which are 128,000 pictures in chunks of 256.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        # macOS says that there is no limit, and refuses to set that.
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def verify_shard(path: Path) -> None:
    """Read a shard whole and compare its checksums; raises BrokenShardError."""
    open_shard(path)
    expected = json.loads((path / "shard.json").read_text(encoding="utf-8")).get("sha256", {})
    for file in _FILES:
        if _file_sha256(path / file) != expected.get(file):
            raise BrokenShardError(f"{file} is not what was written (its SHA-256 differs)")


def remove_abandoned(folder: Path) -> None:
    """Remove what killed writers left: unfinished folders that nobody holds any more."""
    for path in folder.glob(f"{UNFINISHED}*"):
        with contextlib.suppress(OSError):  # the writer finished, or another process removes the same folder
            if time.time() - path.stat().st_mtime < ABANDONED_AFTER_SECONDS:
                continue  # it may have been made just now and not be held yet
            with _locked_folder(path, fcntl.LOCK_EX | fcntl.LOCK_NB):
                shutil.rmtree(path)


@contextlib.contextmanager
def unfinished_folder(folder: Path) -> Iterator[Path]:
    """A folder to write in, held by a lock that ends with this process and removed when the writing fails."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{UNFINISHED}{os.getpid()}-{secrets.token_hex(8)}"
    path.mkdir()
    try:
        with _locked_folder(path, fcntl.LOCK_EX):
            yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def _locked_folder(folder: Path, lock_kind: int) -> Iterator[None]:
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, lock_kind)
        yield
    finally:
        os.close(handle)


def _half_if_it_fits(vectors: NDArray[np.float32]) -> NDArray[np.float32] | NDArray[np.float16]:
    most = float(np.finfo(np.float16).max)
    return vectors if vectors.size and float(np.abs(vectors).max()) > most else _round_to_half(vectors)


def _round_to_half(vectors: NDArray[np.float32]) -> NDArray[np.float16]:
    """As float16, what is above 0 still above 0: bits are taken before, and must be those of what is read back."""
    halves = vectors.astype(np.float16)
    halves[(vectors > 0) & (halves == 0)] = np.finfo(np.float16).smallest_subnormal
    return halves


def _sync_to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
