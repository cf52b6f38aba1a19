"""The folder of a generation: written whole or not at all, never changed, and checked when it is opened.

manifest.json   version, engine, metrics, counts, what the caller says about it, size and SHA-256 of each file
ids.npy         int64 [N], the items' numbers
keys.bin        32 bytes per row: where its vector is found in the store
unit.faiss …    a file per space, where the engine has files
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from models_registry.index.engines.engine_base import EngineSettings
from models_registry.index.index_errors import BrokenGeneration, ForeignGeneration, IndexProblem
from models_registry.store import KEY_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from models_registry.index.vector_spaces import Space
    from models_registry.metrics import Metric

FORMAT = 1
MANIFEST = "manifest.json"
IDS, KEYS = "ids.npy", "keys.bin"
UNFINISHED = ".unfinished-"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a generation says of itself. `about` is the caller's: catalogue, its version, encoder."""

    rows: int
    dim: int
    settings: EngineSettings
    metrics: tuple[Metric, ...]
    spaces: Mapping[Space, Mapping[str, Any]]
    library: str
    about: Mapping[str, Any]
    files: Mapping[str, Mapping[str, Any]]

    @property
    def bytes(self) -> int:
        """On disk, the manifest itself not counted."""
        return sum(int(file["bytes"]) for file in self.files.values())

    @property
    def sha256(self) -> str:
        """One hash (hex) for all files, by their names and hashes."""
        lines = "".join(f"{name} {file['sha256']}\n" for name, file in sorted(self.files.items()))
        return hashlib.sha256(lines.encode()).hexdigest()

    def to_json(self) -> dict[str, Any]:
        """Plain values, as they are written."""
        return {"format": FORMAT, **asdict(self), "settings": asdict(self.settings.without_secrets())}


@contextmanager
def appearing_folder(folder: Path) -> Iterator[Path]:
    """A folder to write into that gets its name when everything in it is on disk; removed when the writing fails."""
    if folder.exists():
        raise IndexProblem(f"{folder} is there already; a generation is written once and never changed.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = folder.with_name(f"{UNFINISHED}{folder.name}-{secrets.token_hex(4)}")
    unfinished.mkdir()
    try:
        yield unfinished
        for file in unfinished.iterdir():
            _sync_to_disk(file)
        _sync_to_disk(unfinished)
        unfinished.rename(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    _sync_to_disk(folder.parent)


def write_rows(folder: Path, ids: NDArray[np.int64], keys: Sequence[bytes]) -> None:
    """Write which items there are and where their vectors lie."""
    np.save(folder / IDS, np.asarray(ids, dtype=np.int64))
    (folder / KEYS).write_bytes(b"".join(keys))


def describe_files(folder: Path) -> dict[str, dict[str, Any]]:
    """Size and SHA-256 of every file of the folder."""
    return {
        file.name: {"bytes": file.stat().st_size, "sha256": _file_sha256(file)}
        for file in sorted(folder.iterdir())
        if file.name != MANIFEST
    }


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write it down, for people to read as well."""
    (folder / MANIFEST).write_text(json.dumps(manifest.to_json(), indent=1) + "\n", encoding="utf-8")


def read_manifest(folder: Path) -> Manifest:
    """What a generation says of itself, once every file that it names is there in its size.

    Raises BrokenGeneration, and ForeignGeneration for a format that this program does not read.
    """
    try:
        record = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        version = record.pop("format")
        if version != FORMAT:
            raise ForeignGeneration(f"{folder} has format {version}, this program reads {FORMAT}; build it anew.")
        record["settings"] = EngineSettings(**record["settings"])
        record["metrics"] = tuple(record["metrics"])
        manifest = Manifest(**record)
    except FileNotFoundError as error:
        raise BrokenGeneration(f"There is no generation in {folder}; build the index.") from error
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise BrokenGeneration(f"The manifest in {folder} cannot be read; build the index anew.") from error
    for name, facts in manifest.files.items():
        path = folder / name
        size = path.stat().st_size if path.is_file() else None
        if size != facts["bytes"]:
            fault = "is missing" if size is None else f"has {size:,} bytes, not {facts['bytes']:,}"
            raise BrokenGeneration(f"{path} {fault}; build the index anew.")
    return manifest


def read_rows(folder: Path, manifest: Manifest) -> tuple[NDArray[np.int64], list[bytes]]:
    """The items and the keys of their vectors; raises BrokenGeneration."""
    try:
        ids = np.load(folder / IDS, allow_pickle=False)
        raw = (folder / KEYS).read_bytes()
    except (OSError, ValueError, EOFError) as error:
        raise BrokenGeneration(f"The rows in {folder} cannot be read; build the index anew.") from error
    if ids.shape != (manifest.rows,) or ids.dtype != np.int64 or len(raw) != manifest.rows * KEY_BYTES:
        raise BrokenGeneration(f"The rows in {folder} are not the {manifest.rows:,} of its manifest; build it anew.")
    return ids, [raw[start : start + KEY_BYTES] for start in range(0, len(raw), KEY_BYTES)]


def check_hashes(folder: Path, manifest: Manifest) -> None:
    """Read every file whole; raises BrokenGeneration where one is not what was written."""
    for name, facts in manifest.files.items():
        if _file_sha256(folder / name) != facts["sha256"]:
            raise BrokenGeneration(f"{folder / name} is not what was written (its SHA-256 differs); build it anew.")


def remove_unfinished(parent: Path) -> None:
    """Remove what killed builders left in a folder of generations. Only while nobody builds there."""
    for path in parent.glob(f"{UNFINISHED}*"):
        shutil.rmtree(path, ignore_errors=True)


def _sync_to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
