"""A collapsed embedding is called one, a healthy one is left in peace."""

from __future__ import annotations

import numpy as np
import pytest

from models_registry.evaluate import measure_collapse
from models_registry.evaluate.collapse_measures import effective_rank, mean_cosine


def noise(n: int, d: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, d)).astype(np.float32)


def test_healthy_vectors_are_left_in_peace() -> None:
    found = measure_collapse(noise(400, 16))
    assert (found.finite, found.collapsed) == (True, False)
    assert 15 < found.effective_rank <= 16  # type: ignore[operator]
    assert found.mean_cosine == pytest.approx(0, abs=0.02)
    assert found.bit_entropy == pytest.approx(1, abs=0.02)


def test_the_effective_rank_of_equal_directions_is_their_number() -> None:
    """Two opposite points on each of five axes: five equal singular values."""
    axes = np.concatenate([np.eye(5), -np.eye(5)]).astype(np.float32)
    assert effective_rank(axes) == pytest.approx(5)
    assert effective_rank(np.pad(axes, ((0, 0), (0, 20)))) == pytest.approx(5)


def test_a_common_offset_does_not_hide_in_the_rank() -> None:
    assert effective_rank(noise(300, 8) + 100) == pytest.approx(effective_rank(noise(300, 8)), rel=1e-4)  # type: ignore[arg-type]


def test_the_mean_cosine_is_that_of_all_pairs() -> None:
    vectors = noise(40, 6) + 0.5
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    pairs = [units[i] @ units[j] for i in range(40) for j in range(40) if i != j]
    assert mean_cosine(vectors) == pytest.approx(np.mean(pairs), abs=1e-6)


def test_every_way_to_collapse_is_noticed() -> None:
    one_point = np.tile(noise(1, 8), (50, 1))
    one_line = noise(50, 1) @ noise(1, 8, seed=1)
    one_way = noise(50, 8) * 0.001 + 1
    broken = noise(50, 8)
    broken[3, 3] = np.nan
    assert "equal" in measure_collapse(one_point).warnings[0]
    assert any("1.0 directions of 8" in line for line in measure_collapse(one_line).warnings)
    assert any("point the same way" in line for line in measure_collapse(one_way).warnings)
    assert not measure_collapse(broken).finite
    assert measure_collapse(broken).collapsed
    assert measure_collapse(broken).effective_rank is None


def test_many_vectors_are_judged_by_a_draw_that_can_be_repeated() -> None:
    vectors = noise(5000, 4)
    assert measure_collapse(vectors, seed=1) == measure_collapse(vectors, seed=1)
    assert measure_collapse(vectors).count == 5000


def test_a_blank_picture_among_many_is_warned_of_and_no_collapse() -> None:
    vectors = np.random.default_rng(0).standard_normal((60, 8)).astype(np.float32)
    vectors[3] = 0

    assert measure_collapse(vectors).warnings
    assert not measure_collapse(vectors).collapsed
    vectors[:30] = 0
    assert measure_collapse(vectors).collapsed


@pytest.mark.parametrize(("blank", "is_collapsed"), [(5, False), (6, True)])
def test_up_to_one_blank_picture_in_twenty_is_no_collapse(blank: int, is_collapsed: bool) -> None:
    vectors = noise(100, 8)
    vectors[:blank] = 0
    found = measure_collapse(vectors)
    assert found.warnings == (f"{blank} of 100 vectors are all zeros: cosine is not defined for them.",)
    assert found.collapsed == is_collapsed


def test_blank_pictures_excuse_no_other_fault() -> None:
    vectors = noise(100, 8) * np.float32(0.001) + 1
    vectors[0] = 0
    found = measure_collapse(vectors)
    assert len(found.warnings) > 1
    assert found.collapsed


@pytest.mark.parametrize(("offset", "is_warned"), [(6.0, False), (14.0, True)])
def test_vectors_whose_mean_cosine_is_beyond_99_in_100_point_the_same_way(offset: float, is_warned: bool) -> None:
    found = measure_collapse(noise(300, 8) + np.float32(offset))
    assert found.mean_cosine is not None
    assert (found.mean_cosine > 0.99) == is_warned
    assert any("point the same way" in line for line in found.warnings) == is_warned


def test_few_directions_are_no_fault_of_few_pictures_or_of_vectors_that_have_no_more() -> None:
    line = noise(50, 1) @ noise(1, 8, seed=1)
    assert measure_collapse(line[:9]).collapsed
    assert not any("directions" in told for told in measure_collapse(line[:8]).warnings)
    assert measure_collapse(noise(50, 1)).warnings == ()
    narrow = noise(50, 2) * np.array([1, 1e-3], dtype=np.float32)
    assert any("directions of 2" in told for told in measure_collapse(narrow).warnings)


def test_two_pictures_have_a_cosine_and_one_has_none() -> None:
    pair = np.array([[3, 0], [1, 1]], dtype=np.float32)
    assert measure_collapse(pair).mean_cosine == pytest.approx(np.sqrt(0.5))
    assert measure_collapse(pair[:1]).mean_cosine is None
    assert measure_collapse(pair[:1]).effective_rank is None
    assert mean_cosine(np.array([[1, 0], [0, 0], [1, 0]], dtype=np.float32)) == pytest.approx(1)
    assert mean_cosine(np.array([[1, 0], [0, 0]], dtype=np.float32)) is None


def test_two_thousand_rows_are_looked_at_and_of_more_a_draw(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    monkeypatch.setattr(
        "models_registry.evaluate.collapse_measures.mean_cosine", lambda rows: seen.append(len(np.unique(rows)))
    )
    for count in (1999, 2000, 2001, 3000):
        measure_collapse(np.arange(count, dtype=np.float32)[:, None])
    assert seen == [1999, 2000, 2000, 2000]
