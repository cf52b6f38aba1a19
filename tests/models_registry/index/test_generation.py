"""A generation is there whole or not at all, and a broken or foreign one is refused in one sentence."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from models_registry.index import (
    BrokenGeneration,
    EngineSettings,
    ForeignGeneration,
    IndexProblem,
    build_generation,
    generation_ids,
    open_generation,
    read_manifest,
    remove_unfinished,
    verify_generation,
)
from models_registry.index.engines.faiss_engine import FaissEngine
from models_registry.metrics import METRICS
from models_registry.store import MissingVectors, TapStore, key_for_item
from tests.models_registry.index.gallery import families, recall

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ROWS, DIM = 6_000, 24
IDS = np.arange(ROWS) * 2 + 5
KEYS = [key_for_item(str(at)) for at in range(ROWS)]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> TapStore:
    store = TapStore(tmp_path_factory.mktemp("store"))
    vectors = families(ROWS, DIM)
    for start in range(0, ROWS, 1_500):  # several shards, as a catalogue has
        store.write(KEYS[start : start + 1_500], vectors[start : start + 1_500])
    return store


def built(folder: Path, store: TapStore, engine: str = "faiss", **other: Any) -> Path:
    settings = EngineSettings.parse(engine)
    asked = {"ids": IDS, "keys": KEYS, "metrics": METRICS, "about": {"encoder": "abc", "version": 7}, **other}
    build_generation(folder, store=store, settings=settings, **asked)
    return folder


@pytest.fixture(scope="module")
def generation(tmp_path_factory: pytest.TempPathFactory, store: TapStore) -> Path:
    return built(tmp_path_factory.mktemp("generations") / "one", store)


@pytest.mark.parametrize("engine", ["exact", "faiss:rabitq", "faiss:sq8"])
def test_what_was_built_is_opened_and_answers_as_before(engine: str, store: TapStore, tmp_path: Path) -> None:
    folder = built(tmp_path / "generations" / "one", store, engine)
    index = open_generation(folder, store, about={"encoder": "abc"}, labels={"product": [None] * ROWS})
    vectors = families(ROWS, DIM)
    for metric in METRICS:
        found = index.search(vectors[:50], metric=metric, k=10)
        true = open_generation(built(tmp_path / metric, store, "exact"), store).search(
            vectors[:50], metric=metric, k=10
        )
        assert recall(found.ids, true.ids) >= 0.95
        assert set(found.ids.ravel().tolist()) <= set(IDS.tolist())
    assert generation_ids(folder).tolist() == IDS.tolist()
    manifest = read_manifest(folder)
    assert (manifest.rows, manifest.dim, manifest.about["version"]) == (ROWS, DIM, 7)
    assert manifest.settings.label == EngineSettings.parse(engine).label
    assert manifest.bytes == sum(file.stat().st_size for file in folder.iterdir() if file.name != "manifest.json")


def test_verification_reads_every_byte_and_measures_the_recall(generation: Path, store: TapStore) -> None:
    found = verify_generation(generation, store)
    assert found.rows == ROWS
    assert set(found.recall) == set(METRICS)
    assert found.recall["hamming"] == 1
    assert all(0.97 <= share <= 1 for share in found.recall.values())
    assert found.sha256 == read_manifest(generation).sha256


def test_verification_sees_an_engine_that_finds_little(
    generation: Path, store: TapStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def same_for_all(engine: FaissEngine, queries: np.ndarray, count: int, **asked: Any) -> np.ndarray:
        return np.tile(np.arange(count), (len(queries), 1))

    monkeypatch.setattr(FaissEngine, "propose_rows", same_for_all)
    found = verify_generation(generation, store).recall
    assert found["cosine"] < 0.2
    assert found["hamming"] == 1  # bits are scanned


def spoiled_size(folder: Path) -> None:
    with (folder / "unit.faiss").open("ab") as file:
        file.write(b"x")


def spoiled_missing(folder: Path) -> None:
    (folder / "raw.faiss").unlink()


def spoiled_manifest(folder: Path) -> None:
    (folder / "manifest.json").write_text("{")


def no_manifest(folder: Path) -> None:
    (folder / "manifest.json").unlink()


def other_format(folder: Path) -> None:
    changed(folder, format=99)


def other_faiss(folder: Path) -> None:
    changed(folder, library="faiss 1.0.0")


def other_length(folder: Path) -> None:
    changed(folder, dim=99)


def changed(folder: Path, **values: Any) -> None:
    path = folder / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


@pytest.mark.parametrize(
    ("spoil", "kind", "said"),
    [
        (spoiled_size, BrokenGeneration, "unit.faiss has .* bytes, not"),
        (spoiled_missing, BrokenGeneration, "raw.faiss is missing"),
        (spoiled_manifest, BrokenGeneration, "cannot be read"),
        (no_manifest, BrokenGeneration, "There is no generation in"),
        (other_format, ForeignGeneration, "has format 99"),
        (other_faiss, ForeignGeneration, "built by faiss 1.0.0, here is faiss"),
        (other_length, ForeignGeneration, "of 99 components, the store's have 24"),
    ],
)
def test_a_broken_or_foreign_one_is_refused_in_one_sentence(
    spoil: Callable[[Path], None], kind: type[IndexProblem], said: str, store: TapStore, tmp_path: Path
) -> None:
    folder = built(tmp_path / "one", store)
    spoil(folder)
    with pytest.raises(kind, match=said) as refused:
        open_generation(folder, store)
    assert "\n" not in str(refused.value)


def test_a_file_with_one_changed_byte_is_not_verified(store: TapStore, tmp_path: Path) -> None:
    folder = built(tmp_path / "one", store)
    data = bytearray((folder / "unit.faiss").read_bytes())
    data[len(data) // 2] ^= 1
    (folder / "unit.faiss").write_bytes(bytes(data))
    with pytest.raises(BrokenGeneration, match=re.escape("SHA-256 differs")):
        verify_generation(folder, store)


def test_one_of_other_pictures_or_of_a_store_that_was_emptied_is_refused(
    generation: Path, store: TapStore, tmp_path: Path
) -> None:
    with pytest.raises(ForeignGeneration, match="encoder 'abc', not 'xyz'"):
        open_generation(generation, store, about={"encoder": "xyz"})
    with pytest.raises(BrokenGeneration, match="6,000 of its 6,000 vectors are not in the store"):
        open_generation(generation, TapStore(tmp_path))


def test_nothing_is_built_twice_nor_of_items_that_come_twice_nor_without_vectors(
    generation: Path, store: TapStore, tmp_path: Path
) -> None:
    with pytest.raises(IndexProblem, match="there already"):
        built(generation, store)
    with pytest.raises(ValueError, match="come twice"):
        built(tmp_path / "a", store, ids=[1, 1], keys=KEYS[:2])
    with pytest.raises(MissingVectors):
        built(tmp_path / "a", store, ids=[1], keys=[key_for_item("nowhere")])
    assert list(tmp_path.iterdir()) == []


def test_a_builder_killed_at_any_moment_leaves_nothing_that_can_be_opened(store: TapStore, tmp_path: Path) -> None:
    script = f"""
import os, sys
from models_registry.index import generation_files
from tests.models_registry.index.test_generation import built
from models_registry.store import TapStore
from pathlib import Path
stop, calls = int(sys.argv[1]), 0
def killing(path, real=generation_files._sync_to_disk):
    global calls
    calls += 1
    if calls == stop:
        os.kill(os.getpid(), 9)
    real(path)
generation_files._sync_to_disk = killing
built(Path({str(tmp_path / "generations" / "one")!r}), TapStore(Path({str(store.path)!r})), "exact")
"""
    for stop in (1, 3, 4):
        died = subprocess.run([sys.executable, "-c", script, str(stop)], check=False)
        assert died.returncode == -9
        with pytest.raises(BrokenGeneration, match="There is no generation"):
            open_generation(tmp_path / "generations" / "one", store)
    assert list((tmp_path / "generations").iterdir())
    remove_unfinished(tmp_path / "generations")
    assert list((tmp_path / "generations").iterdir()) == []
    assert subprocess.run([sys.executable, "-c", script, "99"], check=False).returncode == 0
    assert len(open_generation(tmp_path / "generations" / "one", store)) == ROWS
