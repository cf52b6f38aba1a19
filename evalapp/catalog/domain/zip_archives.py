"""Zips that people send: looked at before anything is written, unpacked without trusting a single word in them."""

from __future__ import annotations

import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from evalapp.core.domain.errors import InvalidInput

MOST_ENTRIES = 2_000_000
MOST_FILE_BYTES = 100 * 1024 * 1024
"""Of a picture. Tables of labels may be as large as all pictures together."""
MOST_RATIO = 200
"""Unpacked bytes per packed one. Pictures are packed already, and tables of labels reach some 30; a bomb has 1,000."""
_FREE_BYTES = 1024 * 1024
"""So much of a file may be packed however tightly: a table of equal lines is no bomb."""
_BLOCK = 1024 * 1024
_TABLES = {".csv", ".tsv", ".txt", ".json", ".parquet"}
_DEEPEST = 16
_SPLITS = {"train", "training", "val", "valid", "validation", "test", "dev", "eval"}


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of the archive: where it goes below the folder, and its size as the archive tells it."""

    info: zipfile.ZipInfo
    path: PurePosixPath


@dataclass(frozen=True, slots=True)
class Contents:
    """What is taken from an archive; `skipped` names what is not and why, as (name, reason)."""

    entries: list[Entry]
    skipped: list[tuple[str, str]]

    @property
    def unpacked_bytes(self) -> int:
        """Unpacked, as the archive tells it; `unpack_archive` holds it to that."""
        return sum(entry.info.file_size for entry in self.entries)


def look_into(path: Path, *, most_bytes: int, endings: frozenset[str]) -> Contents:
    """What can be taken from the zip at `path`: pictures, by their endings, and tables.

    Raises InvalidInput for what is no zip, is damaged or encrypted, and for one that would unpack to more than
    `most_bytes`. Names that lead out of the folder, links and devices are skipped.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise _zip_problem("not_zip", "That is no whole zip file: send a .zip of the pictures.") from error
    if len(infos) > MOST_ENTRIES:
        raise _zip_problem("zip_bomb", f"The zip holds {len(infos):,} files, more than {MOST_ENTRIES:,}.")
    contents = _sorted_out(infos, endings)
    if any(entry.info.flag_bits & 1 for entry in contents.entries):
        raise _zip_problem("zip_encrypted", "The zip is locked with a password: send it without one.")
    if contents.unpacked_bytes > most_bytes:
        raise _zip_problem("zip_bomb", f"The zip unpacks to more than {most_bytes // _BLOCK:,} MB, the limit.")
    for entry in contents.entries:
        if entry.info.file_size > max(_FREE_BYTES, entry.info.compress_size * MOST_RATIO):
            raise _zip_problem(
                "zip_bomb", f"{entry.path.name} is packed more tightly than any picture: it was refused."
            )
    if not contents.entries:
        raise _zip_problem("not_zip", "The zip holds no picture that can be read.")
    return contents


def unpack_archive(
    path: Path, folder: Path, contents: Contents, advance: Callable[[int], object] = lambda _: None
) -> int:
    """Write the entries below `folder`, which must be empty; returns the bytes written.

    A file that turns out larger than the archive said ends it with InvalidInput.
    """
    written = 0
    with zipfile.ZipFile(path) as archive:
        for entry in contents.entries:
            target = folder.joinpath(*entry.path.parts)
            target.parent.mkdir(parents=True, exist_ok=True)
            written += _write_entry(archive, entry, target)
            advance(1)
    return written


def root_of(folder: Path) -> Path:
    """Where the data set begins: below an only folder that merely wraps it."""
    inside = sorted(folder.iterdir())
    while len(inside) == 1 and inside[0].is_dir() and inside[0].name.casefold() not in _SPLITS:
        below = sorted(inside[0].iterdir())
        if not any(one.is_dir() or one.suffix.lower() in _TABLES for one in below):
            # Nothing but pictures: the folder may be their category, and no harm is done where it is not.
            return inside[0]
        folder, inside = inside[0], below
    return folder


def table_of(root: Path) -> Path | None:
    """The only CSV or TSV file at the top of the data set: its list of pictures."""
    tables = [one for one in root.iterdir() if one.is_file() and one.suffix.lower() in {".csv", ".tsv"}]
    return tables[0] if len(tables) == 1 else None


def _sorted_out(infos: list[zipfile.ZipInfo], endings: frozenset[str]) -> Contents:
    entries: dict[PurePosixPath, Entry] = {}
    skipped: list[tuple[str, str]] = []
    for info in infos:
        path = _safe_path(info)
        # An entry without a name is possible, and `is_dir` of the library cannot read it.
        if info.filename.endswith("/") or (path is not None and _is_clutter(path)):
            continue
        if path is None:
            skipped.append((info.filename[:200], "its name leads out of the folder, or it is no plain file"))
        elif path.suffix.lower() in _TABLES or path.suffix.lower() in endings:
            if path.suffix.lower() not in _TABLES and info.file_size > MOST_FILE_BYTES:
                skipped.append((str(path), f"larger than {MOST_FILE_BYTES // _BLOCK} MB"))
            else:
                entries.setdefault(path, Entry(info, path))
        else:
            skipped.append((str(path), "neither a picture that can be read nor a table"))
    return Contents(list(entries.values()), skipped)


def _safe_path(info: zipfile.ZipInfo) -> PurePosixPath | None:
    mode = info.external_attr >> 16
    if mode and not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_IFMT(mode) == 0):
        return None
    name = info.filename.replace("\\", "/")
    parts = [part for part in name.split("/") if part not in {"", "."}]
    if name.startswith("/") or ".." in parts or not parts or len(parts) > _DEEPEST or ":" in parts[0]:
        return None
    if any(len(part.encode()) > 200 or not part.isprintable() for part in parts):
        return None
    return PurePosixPath(*parts)


def _is_clutter(path: PurePosixPath) -> bool:
    return any(part.startswith(".") or part.casefold() in {"__macosx", "thumbs.db"} for part in path.parts)


def _write_entry(archive: zipfile.ZipFile, entry: Entry, target: Path) -> int:
    written = 0
    try:
        with archive.open(entry.info) as source, target.open("xb") as file:
            for block in _read_blocks(source.read):
                written += len(block)
                if written > entry.info.file_size:
                    raise _zip_problem("zip_bomb", f"{entry.path} is larger than the zip says: it was refused.")
                file.write(block)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise _zip_problem("not_zip", f"{entry.path} is damaged in the zip.") from error
    except FileExistsError:
        # On a disk that ignores capitals, two names may be one.
        return written
    return written


def _read_blocks(read: Callable[[int], bytes]) -> Iterator[bytes]:
    while block := read(_BLOCK):
        yield block


def _zip_problem(code: str, message: str) -> InvalidInput:
    return InvalidInput(message, code=code, fields={"file": [message]})
