"""Agreement: the numbers of a peer library and of slow loops."""

from __future__ import annotations

import krippendorff
import numpy as np
import pytest

from evalapp.stats.agreement import alpha_with_interval, dawid_skene, krippendorff_alpha, noise_ceiling

Coded = tuple[np.ndarray, np.ndarray, np.ndarray]


def crowd(seed: int = 0, voters: int = 30, pairs: int = 60, seen: float = 0.3, right: float = 0.8) -> Coded:
    """Voters of whom the last three answer with a coin; each saw a share of the pairs."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(2, size=pairs)
    at = np.argwhere(rng.random((pairs, voters)) < seen)
    accuracy = np.where(np.arange(voters) < voters - 3, right, 0.5)
    told = rng.random(len(at)) < accuracy[at[:, 1]]
    return at[:, 0], at[:, 1], np.where(told, truth[at[:, 0]], 1 - truth[at[:, 0]])


@pytest.mark.parametrize("seed", range(4))
def test_alpha_is_that_of_a_peer_library(seed: int) -> None:
    pairs, voters, answers = crowd(seed)
    table = np.full((30, 60), np.nan)
    table[voters, pairs] = answers
    peer = krippendorff.alpha(reliability_data=table, level_of_measurement="nominal")
    assert krippendorff_alpha(pairs, answers) == pytest.approx(peer, abs=1e-12)


def test_alpha_is_one_nothing_or_unknown() -> None:
    pairs = np.repeat(np.arange(10), 4)
    assert krippendorff_alpha(pairs, pairs % 2) == 1
    coin = np.random.default_rng(1).integers(2, size=4000)
    assert abs(krippendorff_alpha(np.repeat(np.arange(1000), 4), coin)) < 0.03
    assert np.isnan(krippendorff_alpha(np.arange(5), np.ones(5)))
    assert np.isnan(krippendorff_alpha(pairs, np.ones(40)))


def test_the_interval_holds_alpha_and_grows_with_fewer_voters() -> None:
    wide = alpha_with_interval(*crowd(2, voters=12))
    narrow = alpha_with_interval(*crowd(2, voters=120))
    assert wide.low < wide.value < wide.high
    assert narrow.high - narrow.low < wide.high - wide.low


@pytest.mark.parametrize("alpha", [0.05, 0.5])
def test_the_interval_leaves_out_as_much_as_alpha_on_either_side(alpha: float) -> None:
    """A slow twin: draw voters, count each as often as drawn, compare answers of two different voters."""
    pairs, voters, answers = crowd(2, voters=12)
    found = alpha_with_interval(pairs, voters, answers, resamples=200, seed=4, alpha=alpha)
    rng = np.random.default_rng(4)
    values = []
    for times in rng.multinomial(12, np.full(12, 1 / 12), size=200):
        disagree, possible, weight = 0.0, 0.0, np.zeros(2)
        for pair in range(int(pairs.max()) + 1):
            here = pairs == pair
            counts = np.array([(times[voters[here]] * (answers[here] == value)).sum() for value in (0, 1)])
            alike = (times[voters[here]] ** 2).sum()
            together = counts.sum() ** 2 - alike
            if together > 0:
                disagree += 2 * counts[0] * counts[1] / together * counts.sum()
                possible += counts.sum()
                weight += counts
        expected = 2 * weight[0] * weight[1] / weight.sum() ** 2
        values.append(1 - disagree / possible / expected)
    low, high = np.quantile(values, [alpha / 2, 1 - alpha / 2])
    assert (found.low, found.high) == (pytest.approx(low, abs=0.02), pytest.approx(high, abs=0.02))


def slow_one_coin(pairs: np.ndarray, voters: np.ndarray, answers: np.ndarray) -> tuple[list[float], list[float]]:
    votes = list(zip(pairs.tolist(), voters.tolist(), answers.tolist(), strict=True))
    liked = {p: np.mean([y for q, _, y in votes if q == p]) for p in set(pairs.tolist())}
    for _ in range(300):
        accuracy = {
            v: np.clip(np.mean([liked[p] if y else 1 - liked[p] for p, w, y in votes if w == v]), 0.001, 0.999)
            for v in set(voters.tolist())
        }
        share = np.mean(list(liked.values()))
        for p in liked:
            yes, no = share, 1 - share
            for q, v, y in votes:
                if q == p:
                    yes *= accuracy[v] if y else 1 - accuracy[v]
                    no *= 1 - accuracy[v] if y else accuracy[v]
            liked[p] = yes / (yes + no)
    return [liked[p] for p in sorted(liked)], [accuracy[v] for v in sorted(accuracy)]


def test_dawid_and_skene_as_a_slow_loop_finds_them() -> None:
    pairs, voters, answers = crowd(3, voters=8, pairs=12, seen=0.8)
    liked, accuracy = slow_one_coin(pairs, voters, answers)
    found = dawid_skene(pairs, voters, answers, rounds=300, close=0)
    assert np.allclose(found.liked, liked, atol=1e-9)
    assert np.allclose(found.accuracy, accuracy, atol=1e-9)


def test_those_who_answer_with_a_coin_are_found() -> None:
    found = dawid_skene(*crowd(4, voters=40, pairs=200))
    assert found.accuracy[:-3].min() > found.accuracy[-3:].max()


def test_the_noise_ceiling_is_the_agreement_with_the_others() -> None:
    pairs, _, answers = crowd(5)
    agreeing = []
    for place, (pair, answer) in enumerate(zip(pairs, answers, strict=True)):
        others = [y for other, (p, y) in enumerate(zip(pairs, answers, strict=True)) if p == pair and other != place]
        if others:
            lean = np.mean(others)
            agreeing.append(0.5 if lean == 0.5 else float((lean > 0.5) == answer))
    dope, every = np.bincount(pairs, weights=answers), np.bincount(pairs)
    assert noise_ceiling(dope, every - dope) == pytest.approx(np.mean(agreeing))
