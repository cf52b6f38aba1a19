"""What is said of approvals, differences and ranks: formulas written out anew, and what is left open without votes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import norm

from evalapp.stats.inference import (
    chances_better,
    clustered_log_evidence,
    difference_variances,
    estimate_approvals,
    estimate_differences,
    practically_best,
    rank_bar,
    rank_bounds,
    worked_example,
)
from evalapp.stats.intervals.normal_mixture import TUNINGS, log_evidence, mixture_radius
from evalapp.stats.sums.contender_sums import Evidence, log_wealth
from evalapp.stats.sums.epochs import common_weight, own_weights
from tests.stats.late_study import study_evidence, study_votes

Array = NDArray[np.float64]
LEVELS = np.array([[0, 0, 1], [0, 0, 1], [1, 1, 1]])
SCALE = np.array([[0.0, 1.3, 0.7], [1.3, 0.0, 2.0], [0.7, 2.0, 0.0]])
PAIRS = [(i, j) for i in range(3) for j in range(3) if i != j]


def late_evidence(seed: int = 1) -> Evidence:
    return study_evidence(study_votes(seed, voters=40, each=30), voters=40)[0]


@pytest.mark.parametrize("alpha", [0.05, 0.3])
def test_approvals_are_those_of_a_loop_over_voters(alpha: float) -> None:
    votes = study_votes(3, voters=40, each=30)
    evidence, _ = study_evidence(votes, voters=40)
    found = estimate_approvals(evidence, alpha)
    liked, mass, single = np.zeros((40, 3)), np.zeros((40, 3)), np.zeros(3)
    for vote in votes:
        part = own_weights(vote.batch) * vote.trust * vote.weight * vote.members
        mass[vote.voter] += part
        liked[vote.voter] += part * vote.answer
    share = liked.sum(axis=0) / mass.sum(axis=0)
    for vote in votes:
        single += (own_weights(vote.batch) * vote.trust * vote.weight * vote.members * (vote.answer - share)) ** 2
    squares = ((liked - share * mass) ** 2).sum(axis=0)
    effective = mass.sum(axis=0) ** 2 / (mass**2).sum(axis=0)
    half = mixture_radius(squares * effective / (effective - 5), alpha) / mass.sum(axis=0)
    np.testing.assert_allclose(found.estimates, share)
    np.testing.assert_allclose(found.errors, np.sqrt(squares) / mass.sum(axis=0))
    np.testing.assert_allclose(found.low, np.maximum(share - half, 0))
    np.testing.assert_allclose(found.high, np.minimum(share + half, 1))
    np.testing.assert_allclose(found.design_effects, squares / single)
    assert (found.low[0] > 0, found.high[0] < 1, found.alpha) == (True, True, alpha)


def test_a_contender_without_votes_has_no_estimate_and_everything_is_possible() -> None:
    evidence, _ = study_evidence([vote for vote in study_votes(2) if vote.batch.era == 0])
    found = estimate_approvals(evidence)
    assert np.isnan(found.estimates[2])
    assert np.isnan(found.design_effects[2])
    assert (found.low[2], found.high[2], found.errors[2]) == (0.0, 1.0, 0.0)
    assert np.isfinite(found.estimates[:2]).all()


@pytest.mark.parametrize("alpha", [0.05, 0.3])
def test_differences_are_those_of_the_formula_at_each_pairs_own_level(alpha: float) -> None:
    votes = study_votes(4, voters=40, each=30)
    evidence, _ = study_evidence(votes, voters=40)
    found = estimate_differences(evidence, SCALE, alpha)
    clustered = clustered_log_evidence(evidence, SCALE)
    for i, j in PAIRS:
        gain, trust, squares = np.zeros(40), np.zeros(40), 0.0
        for vote in votes:
            if vote.batch.era >= LEVELS[i, j]:
                common, moves = common_weight(vote.batch), vote.moves()
                gain[vote.voter] += common * (moves[i] - moves[j])
                trust[vote.voter] += common * vote.trust
                squares += (common * (moves[i] - moves[j])) ** 2
        total, unit = trust.sum(), SCALE[i, j]
        apart = gain.sum() / total
        variance = ((gain - apart * trust) ** 2).sum()
        effective = total**2 / (trust**2).sum()
        wide = variance * effective / (effective - 5) * unit**2
        half = float(mixture_radius(wide, alpha)) / (total * unit)
        assert found.estimates[i, j] == pytest.approx(apart)
        assert found.errors[i, j] == pytest.approx(np.sqrt(variance) / total)
        assert found.design_effects[i, j] == pytest.approx(variance / squares)
        assert found.low[i, j] == pytest.approx(max(-1.0, apart - half))
        assert found.high[i, j] == pytest.approx(min(1.0, apart + half))
        assert clustered[i, j] == pytest.approx(float(log_evidence(gain.sum() * unit, wide)))
        lifted = (apart + 0.1) * total * unit
        assert clustered_log_evidence(evidence, SCALE, 0.1, TUNINGS[:1])[i, j] == pytest.approx(
            float(log_evidence(lifted, wide, TUNINGS[:1]))
        )
        weaker = min(float(log_wealth(evidence.log_bets)[i, j]), clustered[i, j])
        assert found.log_evidence[i, j] == pytest.approx(weaker)
    np.testing.assert_allclose(found.better, chances_better(found.estimates, found.errors))
    assert found.compared.all()
    assert found.alike.tolist() == np.eye(3, dtype=bool).tolist()
    assert found.alpha == alpha


def test_of_those_alike_everything_is_zero_and_of_the_unknown_nothing_is_excluded() -> None:
    scale = SCALE.copy()
    scale[0, 1] = scale[1, 0] = 0.0
    scale[0, 2] = scale[2, 0] = np.nan
    found = estimate_differences(late_evidence(), scale)
    same = [found.estimates[0, 1], found.low[0, 1], found.high[0, 1], found.errors[0, 1], found.log_evidence[0, 1]]
    assert same == [0, 0, 0, 0, 0]
    unknown = [found.estimates[0, 2], found.low[0, 2], found.high[0, 2], found.errors[0, 2], found.log_evidence[0, 2]]
    assert unknown == [0, -1, 1, 0, 0]
    assert np.isnan(found.design_effects[[0, 0], [1, 2]]).all()
    assert found.compared[0].tolist() == [True, True, False]
    assert found.alike[0].tolist() == [True, True, False]
    assert found.compared[1, 2]
    assert found.better[0].tolist() == [0.5, 0.5, 0.5]
    assert clustered_log_evidence(late_evidence(), scale)[0].tolist() == [0, 0, 0]


def test_before_any_vote_of_a_later_era_nothing_is_said_of_its_pairs() -> None:
    evidence, _ = study_evidence([vote for vote in study_votes(2) if vote.batch.era == 0])
    found = estimate_differences(evidence, SCALE)
    assert (found.low[0, 2], found.high[0, 2], found.compared[0, 2]) == (-1, 1, False)
    assert found.compared[0, 1]
    assert clustered_log_evidence(evidence, SCALE)[0, 2] == 0


def test_the_twentieth_voter_is_the_first_with_whom_something_is_said() -> None:
    evidence = late_evidence()
    for voters, says in ((19.0, False), (20.0, True)):
        seen = replace(evidence, voters=voters)
        assert bool(clustered_log_evidence(seen, SCALE).any()) == says
        differences, approvals = estimate_differences(seen, SCALE), estimate_approvals(seen)
        assert bool(differences.high[0, 1] < 1) == says
        assert bool(differences.low[1, 2] > -1) == says
        assert bool(approvals.low[0] > 0) == says
    assert estimate_differences(replace(evidence, voters=19.0), SCALE).low[0, 0] == 0


def test_variances_are_about_the_centres_that_are_asked_for() -> None:
    votes = study_votes(6)
    evidence, _ = study_evidence(votes)
    centres = np.array([[0.0, 0.2, -0.3], [-0.2, 0.0, 0.4], [0.3, -0.4, 0.0]])
    found = difference_variances(evidence, centres)
    for i, j in PAIRS:
        sums = np.zeros(24)
        for vote in votes:
            if vote.batch.era >= LEVELS[i, j]:
                moves = vote.moves()
                sums[vote.voter] += common_weight(vote.batch) * (moves[i] - moves[j] - vote.trust * centres[i, j])
        assert found[i, j] == pytest.approx((sums**2).sum())


def test_chances_weigh_a_difference_by_how_much_contenders_differ() -> None:
    apart = np.array([[0.0, 0.1, 0.3], [-0.1, 0.0, 0.2], [-0.3, -0.2, 0.0]])
    errors = np.array([[0.0, 0.05, 0.1], [0.05, 0.0, 0.2], [0.1, 0.2, 0.0]])
    spread = (0.01 + 0.09 + 0.04 - 0.0025 - 0.01 - 0.04) / 3
    found = chances_better(apart, errors)
    for i, j in PAIRS:
        z = apart[i, j] / errors[i, j] * np.sqrt(spread / (spread + errors[i, j] ** 2))
        assert found[i, j] == pytest.approx(norm.cdf(z))
    assert np.diagonal(found).tolist() == [0.5] * 3
    # Smaller than chance alone would have them: as good as equal.
    assert chances_better(apart, 10 * errors).tolist() == np.full((3, 3), 0.5).tolist()
    assert chances_better(apart, 0 * errors).tolist() == np.full((3, 3), 0.5).tolist()


def test_ranks_follow_from_who_surely_beats_whom() -> None:
    bar = rank_bar(4, 0.1)
    assert bar == pytest.approx(np.log(40))
    log_e = np.full((4, 4), -1.0)
    log_e[0, 1] = log_e[0, 2] = log_e[3, 2] = bar
    log_e[1, 2] = np.nextafter(bar, 0)
    best, worst = rank_bounds(log_e, 0.1)
    assert (best.tolist(), worst.tolist()) == ([1, 2, 3, 1], [2, 4, 4, 3])
    # What one says of itself is no rival's evidence.
    np.fill_diagonal(log_e, 99.0)
    assert [bound.tolist() for bound in rank_bounds(log_e, 0.1)] == [best.tolist(), worst.tolist()]
    assert rank_bounds(log_e)[1].tolist() == [4, 4, 4, 4]
    assert rank_bar(4) == pytest.approx(np.log(80))


def test_who_is_not_racing_counts_for_no_rank() -> None:
    log_e = np.full((3, 3), -1.0)
    log_e[0, 1] = log_e[2, 1] = log_e[1, 2] = 9.0
    best, worst = rank_bounds(log_e, racing=np.array([True, True, False]))
    assert (best[:2].tolist(), worst[:2].tolist()) == ([1, 2], [1, 2])


def test_a_winner_is_first_and_nobody_else_is() -> None:
    log_e = np.full((3, 3), -1.0)
    log_e[1, 2] = 9.0
    best, worst = rank_bounds(log_e, winner=0)
    assert (best.tolist(), worst.tolist()) == ([1, 2, 2], [1, 2, 3])
    log_e[1, 0] = log_e[1, 2] = 9.0
    best, worst = rank_bounds(log_e, winner=0)
    assert (best.tolist(), worst.tolist()) == ([1, 2, 2], [1, 2, 3])


def test_practically_best_is_who_is_near_every_rival_each_at_its_share_of_the_risk() -> None:
    evidence, margin = late_evidence(), 0.05
    log_e = clustered_log_evidence(evidence, SCALE, margin)
    np.fill_diagonal(log_e, np.inf)
    for one in range(3):
        limit = 2 / np.exp(log_e[one].min())
        assert practically_best(evidence, SCALE, margin, limit * 1.001)[one]
        assert not practically_best(evidence, SCALE, margin, limit * 0.999)[one]
    # Without the strongest rival it is easier; who is left out is not called best.
    racing = np.array([False, True, True])
    limit = 2 / np.exp(log_e[1, 2])
    found = practically_best(evidence, SCALE, margin, limit * 1.001, racing)
    assert found.tolist()[:2] == [False, True]
    assert not practically_best(evidence, SCALE, margin, limit * 1.001)[1]
    assert not practically_best(evidence, SCALE, margin, limit * 0.999, racing)[1]


def test_with_nobody_to_be_near_nobody_is_practically_best() -> None:
    evidence, scale = worked_example()
    assert practically_best(evidence, scale, 0.9, racing=np.array([True, False])).tolist() == [False, False]
    assert practically_best(evidence, scale, 0.9).tolist() == [True, True]
    assert practically_best(evidence, np.zeros((2, 2)), 0.0).tolist() == [True, True]


def test_the_worked_example_is_forty_voters_who_like_the_first() -> None:
    evidence, scale = worked_example()
    assert (evidence.votes, evidence.voters, evidence.credited.tolist()) == (480.0, 40.0, [240.0, 240.0])
    assert scale.tolist() == [[0.0, 1.0], [1.0, 0.0]]
    assert (evidence.liked / evidence.mass).tolist() == [1.0, pytest.approx(1 / 3)]


def test_votes_of_little_weight_say_the_same_with_the_same_error() -> None:
    evidence, few = late_evidence(), 1e-4
    linear = ("mass", "liked", "residual", "weight")
    squares = (
        "mass2",
        "liked2",
        "cross",
        "vote_mass2",
        "vote_liked2",
        "vote_cross",
        "gram_weight",
        "weight2",
        "spread",
    )
    light = replace(
        evidence,
        **{name: few * getattr(evidence, name) for name in linear},
        **{name: few**2 * getattr(evidence, name) for name in squares},
    )
    plain, found = estimate_approvals(evidence), estimate_approvals(light)
    np.testing.assert_allclose(found.estimates, plain.estimates)
    np.testing.assert_allclose(found.errors, plain.errors)
    apart, other = estimate_differences(evidence, SCALE), estimate_differences(light, SCALE)
    np.testing.assert_allclose(other.estimates, apart.estimates)
    np.testing.assert_allclose(other.errors, apart.errors)
    assert other.compared.all()


def test_five_percent_are_left_out_if_not_told() -> None:
    evidence = late_evidence()
    assert estimate_approvals(evidence).low.tolist() == estimate_approvals(evidence, 0.05).low.tolist()
    assert (
        estimate_differences(evidence, SCALE).low.tolist() == estimate_differences(evidence, SCALE, 0.05).low.tolist()
    )
