"""Tables of keys and vectors, read from the formats people keep them in. No file may run code (no pickles)."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

import numpy as np

from models_registry.errors import EncoderError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    Table = tuple[list[str], NDArray[np.float32]]


def read_vectors(path: Path) -> Table:
    """Keys and vectors of an .npy, .npz or .parquet file; raises EncoderError."""
    readers = {".npy": _read_npy, ".npz": _read_npz, ".parquet": _read_parquet}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise EncoderError(f"{path} is none of {', '.join(readers)}.")
    return reader(path)


def key_file(path: Path) -> Path:
    """The list of keys beside an .npy file: NAME.keys.txt (a key per line) or NAME.keys.csv (a column `key`)."""
    beside = [path.with_name(f"{path.stem}.keys{suffix}") for suffix in (".txt", ".csv")]
    for candidate in beside:
        if candidate.is_file():
            return candidate
    raise EncoderError(f"{path} needs its keys beside it, in {beside[0].name} or {beside[1].name}.")


def _read_npy(path: Path) -> Table:
    return _read_keys(key_file(path)), _load_numpy(path, mmap=True)


def _read_npz(path: Path) -> Table:
    arrays = _load_numpy(path, mmap=False)
    try:
        keys, vectors = arrays["keys"], arrays["vectors"]
    except KeyError as error:
        raise EncoderError(f"{path} must hold two arrays, keys and vectors; it has {', '.join(arrays)}.") from error
    except ValueError as error:
        raise _damaged_error(path) from error
    if keys.dtype.kind == "S":
        keys = np.char.decode(keys, "utf-8")
    return [str(key) for key in keys.ravel()], vectors


def _load_numpy(path: Path, *, mmap: bool) -> Any:
    try:
        return np.load(path, mmap_mode="r" if mmap else None, allow_pickle=False)
    except ValueError as error:
        raise _damaged_error(path) from error
    except (OSError, EOFError) as error:
        raise EncoderError(f"{path} cannot be read as a numpy file: it is damaged or cut short.") from error


def _damaged_error(path: Path) -> EncoderError:
    return EncoderError(f"{path} is damaged, or holds Python objects where plain numbers and strings are needed.")


def _read_keys(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise EncoderError(f"{path} is not UTF-8 text.") from error
    if path.suffix == ".txt":
        return text.splitlines()
    rows = csv.DictReader(text.splitlines())
    if "key" not in (rows.fieldnames or ()):
        raise EncoderError(f"{path} needs a column called key.")
    return [row["key"] for row in rows]


def _read_parquet(path: Path) -> Table:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        table = parquet.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise EncoderError(f"{path} cannot be read as parquet: {str(error).splitlines()[0]}") from error
    key_column = _only_column(
        path, table, "key", lambda kind: pa.types.is_string(kind) or pa.types.is_large_string(kind)
    )
    vector_column = _only_column(path, table, "vector", lambda kind: hasattr(kind, "value_type"))
    column = table[vector_column].combine_chunks()
    lengths = np.asarray(column.value_lengths()) if hasattr(column, "value_lengths") else np.array([])
    if column.null_count or (lengths.size and lengths.min() != lengths.max()):
        raise EncoderError(
            f"{path}: the vectors of the column {vector_column} are missing in places or differ in length."
        )
    flat = column.flatten().to_numpy(zero_copy_only=False)
    return table[key_column].to_pylist(), flat.reshape(len(column), -1)


def _only_column(path: Path, table: Any, name: str, fits: Any) -> str:
    """The column of this name, else the only one of a fitting type."""
    if name in table.column_names:
        return name
    fitting = [field.name for field in table.schema if fits(field.type)]
    if len(fitting) != 1:
        raise EncoderError(f"{path} needs a column called {name}; it has {', '.join(table.column_names)}.")
    return str(fitting[0])
