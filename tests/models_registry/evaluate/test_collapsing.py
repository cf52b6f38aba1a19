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


@pytest.mark.parametrize("shape", [(2, 3), (3, 2), (7, 5), (5, 7), (40, 6), (6, 1)])
@pytest.mark.parametrize("seed", range(3))
def test_the_effective_rank_is_the_exponential_of_the_entropy_of_singular_values(
    shape: tuple[int, int], seed: int
) -> None:
    """By the eigenvalues of the products of all columns, whose roots the singular values are."""
    vectors = noise(*shape, seed=seed) * np.arange(1, shape[1] + 1, dtype=np.float32) + 3
    wide = vectors.astype(float)
    columns = [wide[:, place] - wide[:, place].mean() for place in range(shape[1])]
    eigenvalues = np.linalg.eigvalsh([[float(one @ other) for other in columns] for one in columns])
    values = [float(np.sqrt(value)) for value in eigenvalues if value > 1e-9]
    entropy = -sum(value / sum(values) * np.log(value / sum(values)) for value in values)
    assert effective_rank(vectors) == pytest.approx(np.exp(entropy), rel=1e-5)


@pytest.mark.parametrize(
    ("rows", "is_known"),
    [
        ([[0.0], [2e-12]], True),
        ([[0.0], [1e-12]], False),
        ([[1e6, 0], [1e6, 2e-6]], True),
        ([[1e6, 0], [1e6, 1e-6]], False),
        ([[-1e6, 0], [-1e6, 1e-6]], False),
        ([[5.0, 5.0], [5.0, 5.0]], False),
    ],
)
def test_what_differs_by_less_than_a_trillionth_of_the_largest_value_does_not_vary(
    rows: list[list[float]], is_known: bool
) -> None:
    assert effective_rank(np.array(rows, dtype=np.float32)) == (pytest.approx(1.0) if is_known else None)


@pytest.mark.parametrize("count", [2, 3, 17])
def test_the_mean_cosine_of_rows_of_any_length_is_that_of_all_pairs_with_a_direction(count: int) -> None:
    vectors = noise(count + 2, 4, seed=count) * np.arange(count + 2, dtype=np.float32)[:, None] + np.float32(0)
    vectors[-1] = 0
    directed = [row for row in vectors.astype(float) if row.any()]
    cosines = [
        float(one @ other) / float(np.linalg.norm(one) * np.linalg.norm(other))
        for place, one in enumerate(directed)
        for other in directed[:place]
    ]
    assert len(directed) == count
    assert mean_cosine(vectors) == pytest.approx(np.mean(cosines), abs=1e-9)


def test_the_first_seed_draws_where_nothing_is_said_and_another_draws_others() -> None:
    vectors = noise(2500, 3)
    found = measure_collapse(vectors)
    assert found == measure_collapse(vectors, seed=0) != measure_collapse(vectors, seed=1)
    assert found.mean_cosine != mean_cosine(vectors[:2000])
    assert found.mean_cosine == pytest.approx(mean_cosine(vectors), abs=0.01)
    assert found.effective_rank == pytest.approx(effective_rank(vectors), rel=0.01)
    few = vectors[:2000]
    assert measure_collapse(few, seed=1) == measure_collapse(few, seed=2)


def test_no_vectors_are_a_collapse_and_a_single_one_is_none() -> None:
    nothing = measure_collapse(np.zeros((0, 4), dtype=np.float32))
    assert (nothing.count, nothing.dim, nothing.finite, nothing.collapsed) == (0, 4, True, True)
    assert (nothing.effective_rank, nothing.mean_cosine, nothing.bit_entropy) == (None, None, 0)
    single = measure_collapse(np.ones((1, 4), dtype=np.float32))
    assert (single.count, single.dim, single.finite, single.collapsed) == (1, 4, True, False)
    assert (single.effective_rank, single.mean_cosine, single.warnings) == (None, None, ())


@pytest.mark.parametrize(("spread", "is_warned"), [(0.05, True), (0.12, False)])
def test_fewer_than_two_directions_are_few(spread: float, is_warned: bool) -> None:
    """One long axis and three short ones: the effective rank is below 2 where they are a twentieth of it."""
    vectors = noise(400, 4) * np.array([1, spread, spread, spread], dtype=np.float32)
    found = measure_collapse(vectors)
    assert found.effective_rank is not None
    assert (found.effective_rank < 2) == is_warned
    assert found.effective_rank < 4
    assert any("directions" in line for line in found.warnings) == found.collapsed == is_warned


def test_one_warning_that_is_of_no_blank_picture_is_a_collapse() -> None:
    equal = measure_collapse(np.ones((30, 4), dtype=np.float32))
    assert equal.collapsed
    positive = measure_collapse(np.random.default_rng(0).random((60, 8), dtype=np.float32) * np.float32(100) + 1)
    assert len(positive.warnings) == 1
    assert positive.collapsed


def test_a_mean_cosine_of_just_99_in_100_is_no_collapse() -> None:
    """99² + 14² + 1 + 1 + 1 = 100²: whole numbers whose cosine with an axis is 0.99, as far as numbers hold it."""
    pair = np.array([[1, 1, 14, 1, 99], [0, 0, 0, 0, 100]], dtype=np.float32)
    found = measure_collapse(pair)
    assert found.mean_cosine == pytest.approx(0.99, abs=1e-15)
    assert any("point the same way" in line for line in found.warnings) == (found.mean_cosine > 0.99)
