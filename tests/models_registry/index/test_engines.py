"""One contract for all engines: they propose rows of the base that may be among the nearest, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from models_registry.index import (
    AllowedRows,
    EngineMissing,
    EngineSettings,
    IndexBase,
    UnknownEngine,
    VectorIndex,
    build_engines,
)
from models_registry.index.engines.engine_list import engine_class
from models_registry.metrics import METRICS, Metric
from models_registry.neighbours import nearest
from models_registry.store import Vectors
from tests.models_registry.index.gallery import families, index_of, recall
from tests.models_registry.index.milvus_server import milvus_url

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from models_registry.index import Engine, Space

ENGINES = ("exact", "faiss:rabitq", "faiss:sq8", "milvus")
ROWS, DIM = 5_400, 24  # more than are simply compared one by one
SPACES: tuple[tuple[Space, Metric], ...] = (("raw", "l1"), ("raw", "l2"), ("unit", "cosine"), ("bits", "hamming"))


def settings_of(engine: str, **other: float) -> EngineSettings:
    if engine != "milvus":
        return EngineSettings.parse(engine, **other)
    return EngineSettings.parse(engine, url=milvus_url(), **other)


@pytest.fixture(scope="module")
def vectors() -> Vectors:
    return Vectors.from_array(families(ROWS, DIM))


@pytest.fixture(scope="module", params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def engines(engine: str, vectors: Vectors) -> Iterator[dict[Space, Engine]]:
    built = build_engines(settings_of(engine), METRICS, vectors)
    yield built
    for one in built.values():
        one.remove()


def queries(count: int = 40) -> np.ndarray:
    return families(ROWS, DIM)[:count] + np.float32(0.05)


def test_it_serves_the_three_spaces(engines: dict[Space, Engine]) -> None:
    assert set(engines) == {"raw", "unit", "bits"}
    assert {(one.space, one.rows, one.dim) for one in engines.values()} == {
        (space, ROWS, DIM) for space in ("raw", "unit", "bits")
    }


@pytest.mark.parametrize(("space", "metric"), SPACES)
def test_it_finds_what_it_was_asked_to_find(
    engines: dict[Space, Engine], vectors: Vectors, space: Space, metric: Metric
) -> None:
    asked = queries()
    found = engines[space].propose_rows(asked, 100, metric=metric)
    true = nearest(
        Vectors.from_array(asked), vectors, metric=metric, k=10, query_ids=np.full(40, -1), gallery_ids=np.arange(ROWS)
    ).indices
    among = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(found.tolist(), true.tolist(), strict=True)])
    assert among >= (1 if engines[space].exact else 0.95)


@pytest.mark.parametrize(("space", "metric"), SPACES)
def test_it_proposes_only_allowed_rows_and_each_once(
    engines: dict[Space, Engine], space: Space, metric: Metric
) -> None:
    allowed = AllowedRows(np.arange(ROWS) % 5 == 2)
    found = engines[space].propose_rows(queries(), 64, metric=metric, allowed=allowed, effort=2)
    assert found.shape == (40, 64)
    for row in found:
        there = row[row >= 0]
        assert (there % 5 == 2).all()
        assert len(set(there.tolist())) == len(there)
        assert (row[len(there) :] == -1).all()


@pytest.mark.parametrize(("space", "metric"), SPACES)
def test_with_endless_effort_it_looks_at_every_row(engines: dict[Space, Engine], space: Space, metric: Metric) -> None:
    allowed = AllowedRows(np.isin(np.arange(ROWS), [3, 999, 2500, 5399]))
    found = engines[space].propose_rows(queries(3), 10, metric=metric, allowed=allowed, effort=float("inf"))
    assert [sorted(row[row >= 0].tolist()) for row in found] == [[3, 999, 2500, 5399]] * 3


def test_it_is_the_same_after_it_was_saved_and_opened(
    engine: str, engines: dict[Space, Engine], vectors: Vectors, tmp_path: Path
) -> None:
    settings = settings_of(engine)
    for space, metric in SPACES:
        facts = engines[space].save(tmp_path)
        opened = engine_class(settings, space).open(settings, space, tmp_path, facts, vectors)
        for effort in (1.0, 2.0):
            asked = {"metric": metric, "effort": effort}
            assert (
                opened.propose_rows(queries(), 30, **asked) == engines[space].propose_rows(queries(), 30, **asked)
            ).all()


def test_the_distances_answered_are_canonical_whatever_the_engine(
    engines: dict[Space, Engine], vectors: Vectors
) -> None:
    """Switching the engine changes no distance: pairs found by both have the same to the last bit."""
    index = index_over(engines, vectors)
    reference = index_over(build_engines(EngineSettings(), METRICS, vectors), vectors)
    for metric in METRICS:
        true, found = (one.search(queries(20), metric=metric, k=10) for one in (reference, index))
        assert recall(found.ids, true.ids) >= 0.95
        known = [dict(zip(*pair, strict=True)) for pair in zip(true.ids.tolist(), true.distances.tolist(), strict=True)]
        for row, (ids, distances) in enumerate(zip(found.ids.tolist(), found.distances.tolist(), strict=True)):
            assert all(
                known[row].get(item, distance) == distance for item, distance in zip(ids, distances, strict=True)
            )


def test_ten_answers_come_whatever_the_filter_leaves(engines: dict[Space, Engine], vectors: Vectors) -> None:
    """Strict and loose filters alike: always min(k, rows that may answer), the case that filtered graphs get wrong."""
    index = index_over(engines, vectors)
    for keep in (0, 1, 4, 9, 60, 600, 5_100, 5_390):
        mask = np.zeros(ROWS, dtype=bool)
        mask[np.random.default_rng(keep).permutation(ROWS)[:keep]] = True
        found = index.search(queries(5), metric="cosine", k=10, allowed=mask)
        assert ((found.ids >= 0).sum(axis=1) == min(10, keep)).all()
        assert mask[found.ids[found.ids >= 0]].all()


def test_ten_answers_come_though_all_that_is_proposed_is_of_the_own_product(
    engines: dict[Space, Engine], vectors: Vectors
) -> None:
    index = index_over(engines, vectors)
    asked = queries(1)
    near = index.search(asked, metric="l2", k=300).ids[0]
    own = index.with_labels(near, {"product": ["own"] * 300})
    found = own.search(asked, metric="l2", k=10, hide_same={"product": ["own"]}).ids[0]
    assert (found >= 0).all()
    assert not np.isin(found, near).any()


def test_young_rows_answer_and_gone_rows_do_not(engines: dict[Space, Engine], vectors: Vectors) -> None:
    """Changes need no engine: what was inserted is found first, and what was removed never comes back."""
    asked = queries(20)
    before = index_over(engines, vectors)
    first = before.search(asked, metric="l2", k=3).ids
    index = before.without_rows(np.unique(first)).with_rows(ROWS + np.arange(20), asked)
    found = index.search(asked, metric="l2", k=30)
    assert not found.exact or all(engine.exact for engine in engines.values())
    assert found.ids[:, 0].tolist() == (ROWS + np.arange(20)).tolist()
    assert not np.isin(found.ids, first).any()
    assert (found.ids >= 0).all()
    assert (before.search(asked, metric="l2", k=3).ids == first).all()


def index_over(engines: dict[Space, Engine], vectors: Vectors) -> VectorIndex:
    return VectorIndex.from_base(IndexBase(np.arange(ROWS), vectors, engines))


@pytest.mark.parametrize("engine_name", ["exact", "faiss:rabitq", "faiss:sq8"])
@pytest.mark.parametrize("dim", [1, 7, 4096])
def test_any_length_of_vectors_up_to_4096_is_served(engine_name: str, dim: int) -> None:
    rows = families(600, dim)
    built = build_engines(EngineSettings.parse(engine_name), ["l2"], Vectors.from_array(rows))
    found = built["raw"].propose_rows(rows[:5], 100, metric="l2", effort=float("inf"))
    assert ((found >= 0).sum(axis=1) == 100).all()
    with pytest.raises(ValueError, match="up to 4,096 components, not 4,097"):
        build_engines(EngineSettings.parse(engine_name), ["l2"], Vectors.from_array(np.ones((2, 4097))))


@pytest.mark.parametrize("engine_name", ["faiss:rabitq", "faiss:sq8"])
@pytest.mark.parametrize("rows", [0, 1, 2, 30])
def test_a_gallery_of_a_few_rows_or_none_can_be_built(engine_name: str, rows: int) -> None:
    index = index_of(families(40, 8)[:rows], engine=engine_name)
    for metric in METRICS:
        found = index.search(families(2, 8), metric=metric, k=40)
        assert ((found.ids >= 0).sum(axis=1) == rows).all()


def test_probes_rise_with_the_recall_that_is_asked_for() -> None:
    rows = Vectors.from_array(families(20_000, DIM, of=1))  # no families: neighbours lie in many lists
    few, many = (
        build_engines(EngineSettings.parse("faiss", recall=recall), ["l2"], rows)["raw"] for recall in (0.5, 0.99)
    )
    assert few.probes["l2"] < many.probes["l2"]


def test_an_engine_that_does_not_exist_is_refused_in_words() -> None:
    with pytest.raises(UnknownEngine, match="there are exact, faiss, milvus"):
        EngineSettings.parse("lucene")
    with pytest.raises(UnknownEngine, match="faiss:rabitq, faiss:sq8"):
        EngineSettings.parse("faiss:pq")


def test_milvus_without_a_server_is_missing_in_words() -> None:
    pytest.importorskip("pymilvus", reason="pymilvus, which is optional, is not installed")
    settings = EngineSettings.parse("milvus", url="http://127.0.0.1:9")
    with pytest.raises(EngineMissing, match=r"127\.0\.0\.1:9 does not answer"):
        build_engines(settings, ["l2"], Vectors.from_array(families(10, 4)))
