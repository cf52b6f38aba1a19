"""The file of a backup: a plain tar that says first what it is and last what all of it must hash to.

`manifest.json`, then members in any order, then `checksums.json` with the SHA-256 of every member before it. A file
that was cut has no end, one that was changed has another sum: both are noticed before anything is taken out of it. The
sums guard against accidents. Whoever may change the file may change the sums as well; it holds keys and votes, so keep
it as you keep those.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Any

from evalapp.core.domain.errors import InvalidInput

FORMAT = 1
MANIFEST, CHECKSUMS = "manifest.json", "checksums.json"
_PORTION = 1024 * 1024


@dataclass
class BackupWriter:
    """Members go in one after the other."""

    tar: tarfile.TarFile
    sums: dict[str, str] = field(default_factory=dict)

    def add_text(self, name: str, text: str) -> None:
        """A small member."""
        data = text.encode()
        self.add_member(name, io.BytesIO(data), len(data))

    def add_member(self, name: str, source: IO[bytes], size: int) -> None:
        """`size` bytes of `source`. Raises InvalidInput if it has fewer: then it changed while it was read."""
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode = size, 0o600
        reader = _Hashed(source, size)
        try:
            self.tar.addfile(entry, reader)
        except OSError as error:
            raise InvalidInput(f"{name} could not be written: {error.strerror or error}.") from error
        self.sums[name] = reader.digest.hexdigest()


@contextmanager
def written_backup(stream: IO[bytes], manifest: dict[str, Any]) -> Iterator[BackupWriter]:
    """A writer whose file is whole when the block ends well."""
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as tar:
        writer = BackupWriter(tar)
        writer.add_text(MANIFEST, json.dumps({"format": FORMAT, **manifest}, indent=2, sort_keys=True))
        yield writer
        writer.add_text(CHECKSUMS, json.dumps(writer.sums, indent=0, sort_keys=True))


def checked_manifest(file: Path, advance: Callable[[int], object] = lambda _bytes: None) -> dict[str, Any]:
    """Read all of a backup and compare its sums; what it says of itself. Raises InvalidInput with what is wrong."""
    seen_sums: dict[str, str] = {}
    documents: dict[str, bytes] = {}
    # The contents are read here, so that what is wrong with them is met here as well.
    with _explaining_faults(file):
        for name, source, size in backup_members(file):
            reader = _Hashed(source, size)
            if name in {MANIFEST, CHECKSUMS}:
                documents[name] = reader.read()
            while block := reader.read(_PORTION):
                advance(len(block))
            if name in seen_sums or (not seen_sums and name != MANIFEST):
                raise InvalidInput(f"{file} is not a backup of this product.")
            seen_sums[name] = reader.digest.hexdigest()
    if CHECKSUMS not in seen_sums:
        raise InvalidInput(f"{file} ends too early: it was cut. Nothing was changed.")
    manifest = _parse_document(file, documents[MANIFEST])
    del seen_sums[CHECKSUMS]
    sums = _parse_document(file, documents[CHECKSUMS])
    wrong = sorted(name for name in {*sums, *seen_sums} if sums.get(name) != seen_sums.get(name))
    if wrong:
        raise InvalidInput(f"{file} was changed after it was made: {wrong[0]} is not what it was. Nothing was changed.")
    if manifest.get("format") != FORMAT:
        raise InvalidInput(
            f"{file} is a backup of format {manifest.get('format')}, and this version of the product reads {FORMAT}."
        )
    return manifest


def backup_members(file: Path) -> Iterator[tuple[str, IO[bytes], int]]:
    """Name, contents and size of every member. Raises InvalidInput for no backup, and for names that lead out."""
    with _explaining_faults(file), tarfile.open(file, mode="r|") as tar:
        for entry in tar:
            source = tar.extractfile(entry) if entry.isreg() else None
            path = PurePosixPath(entry.name)
            if source is None or path.is_absolute() or ".." in path.parts:
                raise InvalidInput(f"{file} is not a backup of this product.")
            yield entry.name, source, entry.size


@contextmanager
def _explaining_faults(file: Path) -> Iterator[None]:
    """Whatever is wrong with a file, as a person can understand it."""
    try:
        yield
    except FileNotFoundError:
        raise InvalidInput(f"{file} does not exist.") from None
    except (tarfile.TarError, EOFError) as error:
        is_cut = isinstance(error, tarfile.ReadError) and "unexpected end" in str(error)
        fault = "ends too early: it was cut" if is_cut else "is not a backup of this product, or it was changed"
        raise InvalidInput(f"{file} {fault}. Nothing was changed.") from error
    except OSError as error:
        raise InvalidInput(f"{file} cannot be read: {error.strerror or error}.") from error


def _parse_document(file: Path, data: bytes) -> dict[str, Any]:
    try:
        document = json.loads(data)
    except ValueError:
        raise InvalidInput(f"{file} is not a backup of this product, or it was changed. Nothing was changed.") from None
    return dict(document)


class _Hashed(io.RawIOBase):
    """What is read of a stream, up to `size` bytes, and its sum."""

    def __init__(self, source: IO[bytes], size: int) -> None:
        self.source, self.left = source, size
        self.digest = hashlib.sha256()

    def read(self, size: int | None = -1) -> bytes:
        block_size = self.left if size is None or size < 0 else min(size, self.left)
        block = self.source.read(block_size)
        self.left -= len(block)
        self.digest.update(block)
        return block
