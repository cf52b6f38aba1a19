"""Intervals against scipy, and against what they claim."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from scipy import stats

from models_registry.evaluate import Interval, bootstrap, paired_difference


def test_the_interval_is_that_of_scipy() -> None:
    values = np.random.default_rng(0).random(200)
    ours = bootstrap(values, draws=20_000)
    theirs = stats.bootstrap((values,), np.mean, method="percentile", n_resamples=20_000, rng=1).confidence_interval
    assert ours.value == values.mean()
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=0.002)


def test_unknown_queries_are_passed_over() -> None:
    assert bootstrap(np.array([1.0, np.nan, 1.0])) == Interval(1.0, 1.0, 1.0, 2)
    assert bootstrap(np.array([np.nan])) == Interval(None, None, None, 0)


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(2)
    held = 0
    for seed in range(300):
        found = bootstrap((rng.random(150) < 0.3).astype(float), draws=400, seed=seed)
        held += found.low <= 0.3 <= found.high  # type: ignore[operator]
    # 95 % of 300, five standard errors down, and a little for the percentile method's own bias.
    assert held >= 300 * 0.93 - 5 * np.sqrt(300 * 0.95 * 0.05)


def test_queries_that_stand_or_fall_together_are_drawn_together() -> None:
    """Ten copies of each answer are no ten answers."""
    answers = (np.random.default_rng(3).random(40) < 0.5).astype(float)
    copies, clusters = np.repeat(answers, 10), np.repeat(np.arange(40), 10)
    honest, alone = bootstrap(copies, clusters=clusters), bootstrap(answers)
    assert honest.n == 400
    assert (honest.low, honest.high) == pytest.approx((alone.low, alone.high))
    boasting = bootstrap(copies)
    assert boasting.high - boasting.low < 0.5 * (honest.high - honest.low)  # type: ignore[operator]


def test_a_paired_difference_is_exactly_zero_where_both_say_the_same() -> None:
    values = np.random.default_rng(4).random(50)
    assert paired_difference(values, values) == Interval(0.0, 0.0, 0.0, 50)
    assert not paired_difference(values, values).excludes_zero


def test_a_paired_difference_sees_what_two_intervals_would_hide() -> None:
    rng = np.random.default_rng(5)
    hard = rng.random(300)
    better, worse = hard + 0.02 + rng.normal(0, 0.01, 300), hard
    assert bootstrap(better).low < bootstrap(worse).high  # type: ignore[operator]
    assert paired_difference(better, worse).excludes_zero


def test_scores_of_different_queries_cannot_be_paired() -> None:
    with pytest.raises(ValueError, match="of 2 and 3"):
        paired_difference(np.ones(2), np.ones(3))


def test_the_same_seed_gives_the_same_interval_and_blocks_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(6).random(90)
    whole = bootstrap(values, seed=3)
    assert bootstrap(values, seed=3) == whole
    monkeypatch.setattr("models_registry.evaluate.resampling._CELLS", 1000)
    assert bootstrap(values, seed=3) == whole


def test_an_interval_that_touches_zero_does_not_exclude_it() -> None:
    for low, high, excludes in [(0.0, 1.0, False), (0.1, 1.0, True), (-1.0, 0.0, False), (-1.0, -0.1, True)]:
        assert Interval(0.0, low, high, 9).excludes_zero == excludes
    assert not Interval(None, None, None, 0).excludes_zero


def test_a_level_cuts_off_the_same_share_on_both_sides() -> None:
    values = np.random.default_rng(7).random(300)
    wide, narrow = (bootstrap(values, level=level, draws=8000) for level in (0.95, 0.5))
    error = float(values.std() / np.sqrt(300))
    for found, deviations in ((wide, 1.96), (narrow, 0.674)):
        assert found.low == pytest.approx(values.mean() - deviations * error, abs=0.1 * error)
        assert found.high == pytest.approx(values.mean() + deviations * error, abs=0.1 * error)
    assert bootstrap(values, draws=8000) == wide


@pytest.mark.parametrize("cells", [1, 30, 4_000_000])
@pytest.mark.parametrize("is_clustered", [False, True])
def test_an_interval_is_that_of_one_draw_after_another(
    cells: int, is_clustered: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of every draw the mean over all queries of the clusters drawn, however many draws fit into memory at once."""
    monkeypatch.setattr("models_registry.evaluate.resampling._CELLS", cells)
    rng = np.random.default_rng(8)
    values = np.where(rng.random(23) < 0.2, np.nan, rng.random(23))
    clusters = rng.integers(50, 57, 23) if is_clustered else np.arange(23)
    parts = [values[(clusters == one) & ~np.isnan(values)].tolist() for one in sorted({*clusters.tolist()})]
    parts = [part for part in parts if part]
    chance, means = np.random.default_rng(4), []
    for _ in range(37):
        drawn = [value for share in chance.random(len(parts)) for value in parts[int(share * len(parts))]]
        means.append(sum(drawn) / len(drawn))
    ours = bootstrap(values, clusters=clusters if is_clustered else None, level=0.8, draws=37, seed=4)
    assert ours.value == pytest.approx(np.nanmean(values))
    assert (ours.low, ours.high) == pytest.approx((np.percentile(means, 10), np.percentile(means, 90)))
    assert ours.n == np.count_nonzero(~np.isnan(values))


def test_a_difference_is_resampled_as_one_score_over_the_queries_known_to_both() -> None:
    rng = np.random.default_rng(9)
    one, other = (np.where(rng.random(40) < 0.2, np.nan, rng.random(40)) for _ in range(2))
    clusters = np.arange(40) // 4
    said = {"clusters": clusters, "level": 0.6, "draws": 60, "seed": 2}
    both = ~np.isnan(one) & ~np.isnan(other)
    found = paired_difference(one, other, **said)
    assert found == bootstrap((one - other)[both], **{**said, "clusters": clusters[both]})
    assert found.n == both.sum()
    assert found.value == pytest.approx(one[both].mean() - other[both].mean())


def test_nineteen_in_twenty_two_thousand_draws_and_the_first_seed_are_what_nothing_said_means() -> None:
    one, other = np.random.default_rng(10).random((2, 30))
    said = {"level": 0.95, "draws": 2000, "seed": 0}
    assert bootstrap(one) == bootstrap(one, **said) != bootstrap(one, **{**said, "seed": 1})
    assert paired_difference(one, other) == paired_difference(one, other, **said)
    assert bootstrap(one, draws=1).low == bootstrap(one, draws=1).high


def test_draws_are_made_in_blocks_so_that_memory_stays_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two million cells in all, of which ten thousand are held at a time, or one draw where a draw has more."""
    for queries, draws in ((1000, 2000), (200_000, 10)):
        monkeypatch.setattr("models_registry.evaluate.resampling._CELLS", 10_000)
        values = np.random.default_rng(11).random(queries)
        bootstrap(values, draws=1)  # what is loaded at the first call is no draw
        tracemalloc.start()
        bootstrap(values, draws=draws)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert most / values.itemsize < 7 * max(10_000, queries)
