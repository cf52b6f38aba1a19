"""The proofs of `make proofs` in a small form: what they would notice first if an estimator, sampler or rule broke."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import binomtest

from evalapp.leaderboard.models import BoardBatch
from evalapp.leaderboard.services import refresh_board
from evalapp.stats.sums.epochs import design_bounds
from evalapp.voting.models import Design, Exposure
from tests import cast
from tests.simulation.many import look_after_every_vote
from tests.simulation.rows import ORIGINAL, TIE, bernoulli_divergence, garivier_kaufmann
from tests.simulation.run import Study
from tests.simulation.world import People, world_of

HARD = People(taste=0.7, blind=0.2, heavy=0.05)


def test_intervals_cover_at_every_look_and_weights_undo_the_bias_of_sharing() -> None:
    rng = np.random.default_rng(3)
    world = world_of([0.55, 0.5, 0.45], 0.4, rng, queries=40, people=HARD)
    looks = look_after_every_vote(world, 80, 1200, rng)
    for missed in (looks.approvals.T, looks.differences[:, [0, 0, 1], [1, 2, 2]].T):
        for times in missed.sum(axis=1):
            assert binomtest(int(times), 80, 0.05, alternative="greater").pvalue > 0.01
    error = looks.estimates.std(axis=0) / np.sqrt(80)
    assert (np.abs(looks.estimates.mean(axis=0) - world.truth) < 3.5 * error).all()
    assert np.abs(looks.plain.mean(axis=0) - world.truth).max() > 0.02


def test_the_original_study_is_decided_for_the_best_with_few_votes() -> None:
    votes = []
    for run in range(5):
        rng = np.random.default_rng([3, run])
        study = Study(ORIGINAL.world(rng), rng)
        votes.append(study.run(4000, lambda one: one.decided() >= 0))
        assert study.world.truth[study.decided()] == pytest.approx(0.65, abs=1e-3)
    # Own votes with Wilson's intervals, looked at all the time, need 1,420.
    assert np.median(votes) < 1000


def test_a_tie_is_not_decided() -> None:
    declared = 0
    for run in range(8):
        rng = np.random.default_rng([5, run])
        study = Study(TIE.world(rng, queries=150), rng)
        study.run(500, lambda one: one.decided() >= 0)
        declared += study.decided() >= 0
    assert declared <= 1


def test_the_bound_without_sharing_is_what_an_optimiser_finds() -> None:
    approvals = (0.65, 0.5, 0.45)

    def cost(logits: np.ndarray) -> float:
        share = np.exp(logits) / np.exp(logits).sum()
        gains = []
        for other, mine in zip(approvals[1:], share[1:], strict=True):
            m = (share[0] * approvals[0] + mine * other) / (share[0] + mine)
            gains.append(share[0] * bernoulli_divergence(approvals[0], m) + mine * bernoulli_divergence(other, m))
        return -min(gains)

    found = minimize(cost, np.zeros(3), method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-12, "maxiter": 4000})
    expected = bernoulli_divergence(0.05, 0.95) / -found.fun
    assert garivier_kaufmann(approvals) == pytest.approx(expected, rel=1e-3)


@pytest.mark.django_db
@pytest.mark.database
def test_over_http_pairs_are_drawn_as_published_and_credited_as_drawn() -> None:
    study = cast.open_study(queries=40)
    for number in range(24):
        cast.play(cast.browser_of(), study, 8)
        if number % 6 == 5:
            refresh_board(study)
    versions = Counter(Exposure.objects.values_list("design_version", flat=True))
    assert set(versions) > {None}
    for design in Design.objects.filter(study=study):
        pairs = np.frombuffer(bytes(design.pairs), dtype="<i8").tolist()
        chances = dict(zip(pairs, np.frombuffer(bytes(design.probabilities)).tolist(), strict=True))
        for pair, propensity in Exposure.objects.filter(design_version=design.version).values_list(
            "pair", "propensity"
        ):
            # Who has seen a tenth of the pairs is served from the rest, each of them more often.
            assert propensity >= chances[pair] * (1 - 1e-9)
        assert BoardBatch.objects.filter(study=study, version=design.version).exists()
    board = cast.board(study)
    assert (board.votes, board.voters) == (192, 24)
    best = board.standings[0]
    # Everybody likes what matches: 1 and 1/2 are the truth.
    assert (best.contender, best.approval) == (cast.FC6, 1.0)
    assert all(abs((one.approval or 0) - 0.5) < 0.2 for one in board.standings[1:])


def test_bounds_hold_what_votes_do() -> None:
    rng = np.random.default_rng(8)
    world = world_of([0.6, 0.5, 0.4], 0.4, rng, queries=50)
    study = Study(world, rng)
    study.run(400, lambda _: False)
    _, chances = study.publish()
    variance, reach, _ = design_bounds(world.members, chances, world.queries)
    drawn = rng.choice(len(chances), p=chances, size=20_000)
    weights = 1 / (world.queries * chances[drawn])
    psi = weights * (world.members[drawn, 0].astype(float) - world.members[drawn, 1]) * 0.5
    assert np.abs(psi).max() <= reach[0, 1] * 0.5 + 1e-12
    assert np.mean(psi**2) == pytest.approx(variance[0, 1], rel=0.1)
