"""Published weights: where they are kept, how they are fetched, that they are what they claim to be.

Nothing is ever fetched unasked. `python -m models_registry fetch NAME` does it, with a checked hash.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from functools import lru_cache
from http.client import HTTPException, IncompleteRead
from pathlib import Path
from typing import IO, TYPE_CHECKING

from models_registry.errors import WeightsMissing, WeightsRefused

if TYPE_CHECKING:
    from collections.abc import Callable

    Progress = Callable[[int, int | None], None]

DIRECTORY_VARIABLE = "MODEL_WEIGHTS_DIR"
_BLOCK = 1 << 20
_TIMEOUT_S = 30
_SETTLED_S = 2.0


@dataclass(frozen=True, slots=True)
class Published:
    """A weight file that others publish: its address, and the start of its SHA-256, which its name carries."""

    url: str
    sha256_prefix: str

    @property
    def filename(self) -> str:
        return self.url.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Fetched:
    """A weight file in place, with its full SHA-256 and its size in bytes."""

    path: Path
    sha256: str
    size: int


PUBLISHED: dict[str, Published] = {
    "vgg16.imagenet": Published("https://download.pytorch.org/models/vgg16-397923af.pth", "397923af"),
}


def weights_directory() -> Path:
    """Where weights are kept: $MODEL_WEIGHTS_DIR, else `var/weights` beside this package."""
    chosen = os.environ.get(DIRECTORY_VARIABLE)
    return Path(chosen) if chosen else Path(__file__).resolve().parents[1] / "var" / "weights"


def published_file(name: str) -> Path:
    """The file of published weights; raises WeightsMissing naming both ways to get it."""
    path = weights_directory() / PUBLISHED[name].filename
    if not path.is_file():
        raise WeightsMissing(f"The weights of {name} are not in {weights_directory()}. {_both_ways(name)}")
    return path


def sha256_of(path: Path) -> str:
    """SHA-256 (hex) of a file; raises WeightsMissing where it cannot be read.

    A file that is what it was (same place on the disk, size and times) is not read again by this process: networks
    have gigabytes, and are loaded whenever another one was in use.
    """
    try:
        stat = path.stat()
        state = (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
        # Written just now, it may be written again without its times telling.
        is_settled = time.time() - max(stat.st_mtime, stat.st_ctime) > _SETTLED_S
        return _file_sha256(path, state) if is_settled else _file_sha256.__wrapped__(path, state)
    except OSError as error:
        raise WeightsMissing(f"{path} cannot be read: {error.strerror or error}.") from error


@lru_cache(maxsize=256)
def _file_sha256(path: Path, _state: tuple[int, ...]) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def checked_file(path: Path, sha256: str | None) -> Path:
    """The path, once its file has the hash that was recorded; raises WeightsRefused otherwise."""
    if sha256_of(path) != sha256:
        raise WeightsRefused(f"{path} is not the file that was registered: its SHA-256 differs. Register it anew.")
    return path


def fetch_weights(
    name: str, *, file: Path | None = None, into: Path | None = None, on_progress: Progress | None = None
) -> Fetched:
    """Put published weights in place, from the network or from a file at hand, after checking their hash.

    The file appears whole or not at all. Raises WeightsMissing where there is nothing to be had,
    WeightsRefused where the hash differs.
    """
    published = PUBLISHED.get(name)
    if published is None:
        raise WeightsMissing(f"{name} has no published weights; there are some for {', '.join(PUBLISHED)}.")
    folder = into or weights_directory()
    target = folder / published.filename
    if file is None and target.is_file() and sha256_of(target).startswith(published.sha256_prefix):
        return _in_place(target)
    folder.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=folder, prefix=".", suffix=".part")
    part = Path(temporary)
    try:
        with os.fdopen(handle, "wb") as out:
            _download_file(name, published.url, out, on_progress) if file is None else _copy_file(name, file, out)
        if not sha256_of(part).startswith(published.sha256_prefix):
            origin = published.url if file is None else file
            raise WeightsRefused(
                f"{origin} is not {published.filename}: its SHA-256 does not start with {published.sha256_prefix}. "
                f"Weights of your own are registered as {name}:FILE."
            )
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return _in_place(target)


def _in_place(path: Path) -> Fetched:
    return Fetched(path, sha256_of(path), path.stat().st_size)


def _copy_file(name: str, file: Path, out: IO[bytes]) -> None:
    try:
        with file.open("rb") as source:
            shutil.copyfileobj(source, out, _BLOCK)
    except OSError as error:
        raise WeightsMissing(f"{file} cannot be read: {error.strerror or error}. {_both_ways(name)}") from error


def _download_file(name: str, url: str, out: IO[bytes], on_progress: Progress | None) -> None:
    try:
        with urllib.request.build_opener().open(url, timeout=_TIMEOUT_S) as answer:
            length = answer.headers.get("Content-Length")
            total = int(length) if length else None
            done = 0
            while block := answer.read(_BLOCK):
                out.write(block)
                done += len(block)
                if on_progress is not None:
                    on_progress(done, total)
        if total is not None and done < total:
            raise IncompleteRead(b"", total - done)
    except (OSError, HTTPException) as error:  # no network, no such host, refused, timed out, broken off
        raise WeightsMissing(f"{url} could not be downloaded ({error}). {_both_ways(name)}") from error


def _both_ways(name: str) -> str:
    return (
        f"With a network: python -m models_registry fetch {name}. Without: download {PUBLISHED[name].url} elsewhere, "
        f"then python -m models_registry fetch {name} --file FILE."
    )
