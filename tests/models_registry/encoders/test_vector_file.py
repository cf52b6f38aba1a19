"""Vectors computed elsewhere: found by key in every format, refused where they would mislead."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from models_registry import registry
from models_registry.encoders.encoder_base import VectorLookup
from models_registry.errors import EncoderError, WeightsMissing, WeightsRefused

KEYS = ["a.jpg", "b/ü.jpg", "c,d.jpg"]
VECTORS = np.arange(12, dtype=np.float32).reshape(3, 4) - 5


def write(folder: Path, kind: str, keys: list[str] = KEYS, vectors: np.ndarray = VECTORS) -> Path:
    folder.mkdir(exist_ok=True)
    if kind == "parquet":
        table = pa.table({"key": keys, "vector": list(vectors)})
        parquet.write_table(table, folder / "v.parquet")
        return folder / "v.parquet"
    if kind == "npz":
        np.savez(folder / "v.npz", keys=np.array(keys), vectors=vectors)
        return folder / "v.npz"
    np.save(folder / "v.npy", vectors)
    if kind == "npy+txt":
        (folder / "v.keys.txt").write_text("\n".join(keys) + "\n", encoding="utf-8")
    elif kind == "npy+csv":
        quoted = [f'{row},"{key}"' for row, key in enumerate(keys)]
        (folder / "v.keys.csv").write_text("\n".join(["number,key", *quoted]), encoding="utf-8")
    return folder / "v.npy"


def opened(path: Path) -> VectorLookup:
    loaded = registry.load(registry.describe(f"vectors:{path}"))
    assert isinstance(loaded, VectorLookup)
    return loaded


@pytest.mark.parametrize("kind", ["npy+txt", "npy+csv", "npz", "parquet"])
def test_it_finds_vectors_by_key_and_names_what_is_missing(tmp_path: Path, kind: str) -> None:
    found, missing = opened(write(tmp_path, kind)).find_vectors(["c,d.jpg", "nobody", "a.jpg", "b/ü.jpg"])

    assert found.dtype == np.float32
    assert np.array_equal(found, VECTORS[[2, 0, 1]])
    assert missing == ["nobody"]


def test_nothing_found_is_an_empty_table(tmp_path: Path) -> None:
    found, missing = opened(write(tmp_path, "npz")).find_vectors(["x"])

    assert (found.shape, missing) == ((0, 4), ["x"])


def test_the_spec_reads_keys_and_has_one_tap(tmp_path: Path) -> None:
    spec = registry.describe(f"vectors:{write(tmp_path, 'npz')}")

    assert (spec.reads, spec.preprocess) == ("keys", None)
    assert [(tap.name, tap.dim) for tap in spec.taps] == [("embedding", 4)]


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_other_floats_become_float32(tmp_path: Path, dtype: type) -> None:
    found, _ = opened(write(tmp_path, "npy+txt", vectors=VECTORS.astype(dtype))).find_vectors(KEYS)

    assert found.dtype == np.float32
    assert np.array_equal(found, VECTORS)


def test_parquet_columns_of_other_names_are_found_by_their_kind(tmp_path: Path) -> None:
    vectors = pa.FixedSizeListArray.from_arrays(pa.array(VECTORS.ravel()), 4)
    parquet.write_table(pa.table({"file": KEYS, "weight": [1, 2, 3], "features": vectors}), tmp_path / "v.parquet")

    found, _ = opened(tmp_path / "v.parquet").find_vectors(KEYS)

    assert np.array_equal(found, VECTORS)


def test_a_changed_key_changes_the_fingerprint_and_a_moved_file_does_not(tmp_path: Path) -> None:
    spec = registry.describe(f"vectors:{write(tmp_path / 'one', 'npy+txt')}")
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    other = write(tmp_path / "three", "npy+txt", keys=["a.jpg", "c,d.jpg", "b/ü.jpg"])

    assert registry.describe(f"vectors:{tmp_path / 'two' / 'v.npy'}").fingerprint == spec.fingerprint
    assert registry.describe(f"vectors:{other}").fingerprint != spec.fingerprint
    assert [path.name for path in registry.files(spec.source)] == ["v.npy", "v.keys.txt"]
    assert isinstance(registry.load(spec, weights=tmp_path / "two" / "v.npy"), VectorLookup)
    with pytest.raises(WeightsRefused, match="SHA-256 differs"):
        registry.load(spec, weights=other)


def test_a_key_that_comes_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match=r"a\.jpg more than once"):
        registry.describe(f"vectors:{write(tmp_path, 'npz', keys=['a.jpg', 'b.jpg', 'a.jpg'])}")


def test_a_number_too_large_for_float32_is_refused(tmp_path: Path) -> None:
    vectors = VECTORS.astype(np.float64)
    vectors[2, 0] = 1e300

    with pytest.raises(EncoderError, match=r"infinity in the vector of c,d\.jpg"):
        registry.describe(f"vectors:{write(tmp_path, 'npz', vectors=vectors)}")


def test_nan_is_refused_naming_the_key(tmp_path: Path) -> None:
    vectors = VECTORS.copy()
    vectors[1, 2] = np.nan

    with pytest.raises(EncoderError, match=r"NaN or infinity in the vector of b/ü\.jpg"):
        registry.describe(f"vectors:{write(tmp_path, 'npz', vectors=vectors)}")


@pytest.mark.parametrize(
    ("keys", "vectors", "complaint"),
    [
        (KEYS[:2], VECTORS, "3 vectors but 2 keys"),
        (KEYS, VECTORS.astype(np.int32), "a table of floats"),
        (KEYS, VECTORS[0], "a table of floats"),
        ([], VECTORS[:0], "a table of floats"),
    ],
)
def test_tables_that_do_not_fit_are_refused(
    tmp_path: Path, keys: list[str], vectors: np.ndarray, complaint: str
) -> None:
    with pytest.raises(EncoderError, match=complaint):
        registry.describe(f"vectors:{write(tmp_path, 'npz', keys=keys, vectors=vectors)}")


def test_a_file_with_python_objects_is_not_opened(tmp_path: Path) -> None:
    np.savez(tmp_path / "v.npz", keys=np.array(KEYS, dtype=object), vectors=VECTORS)
    np.save(tmp_path / "w.npy", np.array(KEYS, dtype=object))
    (tmp_path / "w.keys.txt").write_text("\n".join(KEYS), encoding="utf-8")

    for name in ("v.npz", "w.npy"):
        with pytest.raises(EncoderError, match="Python objects"):
            registry.describe(f"vectors:{tmp_path / name}")


def test_missing_and_strange_files_are_refused_in_words(tmp_path: Path) -> None:
    np.save(tmp_path / "lonely.npy", VECTORS)
    np.savez(tmp_path / "named.npz", names=np.array(KEYS), rows=VECTORS)
    (tmp_path / "table.csv").write_text("a,b")
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 no")
    (tmp_path / "empty.npz").write_bytes(b"")
    parquet.write_table(pa.table({"n": [1, 2]}), tmp_path / "numbers.parquet")
    parquet.write_table(pa.table({"key": ["a", "b"], "vector": [[1.0], [1.0, 2.0]]}), tmp_path / "ragged.parquet")

    with pytest.raises(WeightsMissing, match="no file"):
        registry.describe(f"vectors:{tmp_path / 'nothing.npy'}")
    for name, complaint in {
        "lonely.npy": r"lonely\.keys\.txt or lonely\.keys\.csv",
        "named.npz": "it has names, rows",
        "table.csv": r"none of \.npy",
        "bad.parquet": "cannot be read as parquet",
        "empty.npz": "damaged",
        "numbers.parquet": "column called key; it has n",
        "ragged.parquet": "differ in length",
    }.items():
        with pytest.raises(EncoderError, match=complaint) as caught:
            registry.describe(f"vectors:{tmp_path / name}")
        assert "\n" not in str(caught.value)
