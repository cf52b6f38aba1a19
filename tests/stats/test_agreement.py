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


@pytest.mark.parametrize("alpha", [0.05, 0.4])
def test_the_interval_is_exactly_that_of_weighted_voters(alpha: float) -> None:
    pairs, voters, answers = crowd(6, voters=9, pairs=25)
    values = []
    for times in np.random.default_rng(3).multinomial(9, np.full(9, 1 / 9), size=50):
        observed, liked, every = 0.0, 0.0, 0.0
        for pair in range(25):
            told = [(times[v], y) for p, v, y in zip(pairs, voters, answers, strict=True) if p == pair]
            count, yes = sum(k for k, _ in told), sum(k * y for k, y in told)
            between = count**2 - sum(k * k for k, _ in told)
            if between:
                observed += 2 * yes * (count - yes) * count / between
                liked, every = liked + yes, every + count
        values.append(1 - observed / (2 * liked * (every - liked) / (every - 1)))
    found = alpha_with_interval(pairs, voters, answers, alpha=alpha, resamples=50, seed=3)
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(values, [alpha / 2, 1 - alpha / 2])))
    assert found.value == pytest.approx(krippendorff_alpha(pairs, answers))
    assert found.resamples == 50


def test_what_is_not_told_is_five_percent_of_five_hundred_draws_with_the_seed_zero() -> None:
    people = crowd(6, voters=9, pairs=25)
    assert alpha_with_interval(*people) == alpha_with_interval(*people, alpha=0.05, resamples=500, seed=0)


def test_where_no_pair_was_judged_twice_the_interval_is_unknown_too() -> None:
    found = alpha_with_interval(np.arange(4), np.arange(4) % 2, [1, 0, 1, 0])
    assert np.isnan([found.value, found.low, found.high]).all()
    none = np.zeros(0, dtype=np.intp)
    assert np.isnan(alpha_with_interval(np.array([0, 0]), np.array([0, 1]), [1, 1]).low)
    assert np.isnan(krippendorff_alpha(none, []))


@pytest.mark.parametrize("rounds", [1, 2, 5])
def test_each_round_of_dawid_and_skene_is_that_of_a_loop(rounds: int) -> None:
    pairs, voters, answers = crowd(7, voters=6, pairs=10, seen=0.9)
    votes = list(zip(pairs.tolist(), voters.tolist(), answers.tolist(), strict=True))
    liked = [float(np.mean([y for p, _, y in votes if p == pair])) for pair in range(10)]
    for _ in range(rounds):
        accuracy = [
            min(0.999, max(0.001, np.mean([liked[p] if y else 1 - liked[p] for p, v, y in votes if v == voter])))
            for voter in range(6)
        ]
        share = np.mean(liked)
        for pair in range(10):
            yes, no = share, 1 - share
            for p, v, y in votes:
                if p == pair:
                    yes, no = (
                        yes * (accuracy[v] if y else 1 - accuracy[v]),
                        no * (1 - accuracy[v] if y else accuracy[v]),
                    )
            liked[pair] = yes / (yes + no)
    found = dawid_skene(pairs, voters, answers, rounds=rounds, close=0)
    np.testing.assert_allclose(found.liked, liked)
    np.testing.assert_allclose(found.accuracy, accuracy)
    assert found.share == pytest.approx(share)
    assert found.rounds == rounds


def test_rounds_end_when_little_changes() -> None:
    people = crowd(7, voters=6, pairs=10, seen=0.9)
    assert dawid_skene(*people, close=1.0).rounds == 1
    unasked = dawid_skene(*people, rounds=0)
    assert (unasked.rounds, unasked.share) == (0, 0.5)
    np.testing.assert_allclose(unasked.liked, np.bincount(people[0], people[2]) / np.bincount(people[0]))
    done = dawid_skene(*people)
    assert 3 < done.rounds < 200
    np.testing.assert_allclose(done.liked, dawid_skene(*people, rounds=1000, close=0).liked, atol=1e-7)


def test_nobody_is_taken_for_certain() -> None:
    pairs, voters = np.repeat(np.arange(4), 3), np.tile(np.arange(3), 4)
    found = dawid_skene(pairs, voters, np.ones(12))
    assert found.accuracy.tolist() == pytest.approx([0.999] * 3)
    assert found.share == pytest.approx(1 - 1e-6, abs=1e-9)
    against = dawid_skene(pairs, voters, np.zeros(12))
    assert against.share == pytest.approx(1e-6)
    wrong = dawid_skene(np.repeat(np.arange(4), 5), np.tile(np.arange(5), 4), [1, 1, 1, 1, 0, 0, 0, 0, 0, 1] * 2)
    assert wrong.accuracy[4] == pytest.approx(0.001, abs=1e-6)


def test_ceilings_of_a_few_pairs_are_plain_to_see() -> None:
    assert np.isnan(noise_ceiling([1, 0], [0, 1]))
    assert np.isnan(noise_ceiling([], []))
    assert noise_ceiling([2], [0]) == 1.0
    assert noise_ceiling([1], [1]) == 0.0
    # Of two against one, either of the two sees a tie of the others, and the third is alone.
    assert noise_ceiling([2], [1]) == pytest.approx(1 / 3)
    assert noise_ceiling([1, 5, 1], [3, 0, 0]) == pytest.approx((3 + 5) / 9)


def test_without_answers_nothing_is_known_of_agreement() -> None:
    nobody = np.array([], dtype=np.int64)
    found = alpha_with_interval(nobody, nobody, [])
    assert np.isnan([found.value, found.low, found.high]).all()
