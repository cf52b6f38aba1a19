"""The sums of the votes: equal to slow loops, blind to order, names and copies, and taken back without a trace."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from evalapp.stats import inference
from evalapp.stats.decision import Conclusion, Record, draw_conclusion, look_at
from evalapp.stats.designs.adaptive_design import adaptive_design, aim_at, keep_strata, quota_design, uniform_design
from evalapp.stats.sums.contender_sums import Credits, Evidence, VoterSums, add_portion, credits_of, log_wealth
from evalapp.stats.sums.epochs import Batch, batch_of, bet_stakes, difference_units, own_weights, pair_weights

Array = NDArray[np.float64]


@dataclass
class Votes:
    members: NDArray[np.bool_]
    chances: Array
    queries: int
    places: NDArray[np.intp]
    voters: NDArray[np.intp]
    pairs: NDArray[np.intp]
    answers: Array
    baselines: Array
    trust: Array

    def batch(self, leader: int = -1) -> Batch:
        return batch_of(self.members, self.chances, self.queries, leader=leader)

    def credits(self, rows: NDArray[np.intp] | slice = slice(None)) -> Credits:
        pairs = self.pairs[rows]
        return credits_of(
            self.voters[rows], self.members[pairs], 1 / (self.queries * self.chances[pairs]),
            self.trust[rows], self.answers[rows], self.baselines[rows],
        )  # fmt: skip


def votes_of(seed: int, n: int = 300, contenders: int = 4, queries: int = 12, voters: int = 25) -> Votes:
    rng = np.random.default_rng(seed)
    choice = rng.integers(3, size=(contenders, queries))
    _, pair = np.unique(choice + np.arange(queries) * 3, return_inverse=True)
    pair = pair.reshape(choice.shape)
    members = np.zeros((pair.max() + 1, contenders), dtype=bool)
    places = np.zeros(pair.max() + 1, dtype=np.intp)
    for one in range(contenders):
        members[pair[one], one] = True
        places[pair[one]] = np.arange(queries)
    aimed = aim_at(rng.normal(size=(contenders, contenders)), np.ones((contenders, contenders)))
    chances = adaptive_design(members, places, queries, aimed)
    return Votes(
        members, chances, queries, places, rng.integers(voters, size=n),
        rng.choice(len(chances), p=chances, size=n), rng.integers(2, size=n).astype(float),
        rng.uniform(0.1, 0.9, n), rng.uniform(0.2, 1.0, n),
    )  # fmt: skip


def evidence_of(votes: Votes, leader: int = 0, portions: int = 1) -> tuple[Evidence, VoterSums]:
    count = votes.members.shape[1]
    evidence, rows = Evidence.before_votes(count), VoterSums.zeros_for(25, count)
    for part in np.array_split(np.arange(len(votes.voters)), portions):
        add_portion(evidence, rows, votes.batch(leader), votes.credits(part))
    evidence.voters = float(len(np.unique(votes.voters)))
    return evidence, rows


def concluded(
    evidence: Evidence,
    scale: Array,
    racing: NDArray[np.bool_] | None = None,
    margin: float = 0.0,
    led: tuple[int, ...] = (),
) -> Conclusion:
    """What one look alone would declare."""
    record, look = (
        Record.nothing_reached(evidence.contenders),
        look_at(evidence, scale, racing=racing, margin=margin, led=led),
    )
    record.note_look(look, 1, 0.05, margin)
    return draw_conclusion(record, scale, look.racing, margin)


def same(one: Evidence, other: Evidence, within: float = 1e-9) -> None:
    for name in (field.name for field in fields(Evidence)):
        assert np.allclose(getattr(one, name), getattr(other, name), rtol=within, atol=within), name


def test_the_sums_are_those_of_a_loop_over_votes_pairs_and_bets() -> None:
    votes = votes_of(1)
    evidence, _ = evidence_of(votes, leader=2)
    batch, count = votes.batch(2), 4
    own, pairs, bets = own_weights(batch), pair_weights(batch), bet_stakes(batch)
    liked, mass, wealth = np.zeros(count), np.zeros(count), np.zeros(bets.shape)
    stops, by_voter = np.zeros((len(bets), count)), np.zeros((25, count, count))
    weighted, total = np.zeros((25, count)), np.zeros((25, count))
    squares, spread = np.zeros((3, count)), np.zeros((count, count))
    for voter, pair, y, m, r in zip(
        votes.voters, votes.pairs, votes.answers, votes.baselines, votes.trust, strict=True
    ):
        w = 1 / (votes.queries * votes.chances[pair])
        for i in range(count):
            mine = votes.members[pair, i]
            liked[i] += own[i] * r * w * mine * y
            mass[i] += own[i] * r * w * mine
            weighted[voter, i] += own[i] * r * w * mine * y
            total[voter, i] += own[i] * r * w * mine
            squares[:, i] += np.array([1, y, y * y]) * (own[i] * r * w * mine) ** 2
            for j in range(count):
                psi = r * w * (float(mine) - float(votes.members[pair, j])) * (y - m)
                by_voter[voter, i, j] += psi
                spread[i, j] += psi**2
                wealth[:, i, j] += np.log1p(bets[:, i, j] * psi)
                if i == 2:
                    stops[:, j] += np.log1p(bets[:, i, j] * psi)
    assert np.allclose(evidence.liked, liked)
    assert np.allclose(evidence.mass, mass)
    assert np.allclose(evidence.log_bets, wealth)
    assert np.allclose(evidence.log_led[:, 2], stops)
    assert np.allclose(evidence.log_led[:, [0, 1, 3]], 0)
    assert np.abs(own - 1).min() > 0.05
    assert np.allclose([evidence.vote_mass2, evidence.vote_cross, evidence.vote_liked2], squares)
    centred = ((weighted - liked / mass * total) ** 2).sum(axis=0)
    assert np.allclose(
        evidence.liked2 - 2 * liked / mass * evidence.cross + (liked / mass) ** 2 * evidence.mass2, centred
    )
    common = evidence.weight / votes.trust.sum()
    assert np.allclose(
        inference.difference_variances(evidence, np.zeros((4, 4))), common**2 * (by_voter**2).sum(axis=0)
    )
    assert np.allclose(evidence.paired, pairs * by_voter.sum(axis=0))
    assert abs(float(common[0]) - 1) > 0.05
    assert np.allclose(evidence.vote_spread, common**2 * spread)
    approvals = inference.estimate_approvals(evidence)
    alone = squares[2] - 2 * liked / mass * squares[1] + (liked / mass) ** 2 * squares[0]
    assert np.allclose(approvals.errors, np.sqrt(centred) / mass)
    assert np.allclose(approvals.design_effects, centred / alone)
    effects = inference.estimate_differences(evidence, difference_units(batch)).design_effects
    off = ~np.eye(count, dtype=bool)
    centres = inference.estimate_differences(evidence, difference_units(batch)).estimates
    assert np.allclose(
        effects[off], (inference.difference_variances(evidence, centres) / (common**2 * spread + np.eye(count)))[off]
    )


def test_what_was_shown_together_is_trusted_as_its_least_trusted_vote() -> None:
    members, halves = np.array([[True, False], [False, True], [True, False]]), np.full(3, 0.5)
    trust, groups = np.array([0.3, 0.8, 0.6]), np.array([5, 5, 7])
    found = credits_of(np.array([0, 0, 1]), members, np.ones(3), trust, np.ones(3), halves, groups)
    assert found.trust.tolist() == [0.3, 0.6]
    assert found.mass.tolist() == [[0.3, 0.8], [0.6, 0.0]]
    known = np.array([[0.1, 0.2], [0.1, 0.2], [0.0, 0.4]])
    with_known = credits_of(np.array([0, 0, 1]), members, np.ones(3), trust, np.ones(3), halves, groups, known)
    assert with_known.moves - found.moves == pytest.approx(np.array([[0.03, 0.06], [0.0, 0.24]]))


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000), st.integers(2, 7))
def test_order_and_portions_change_nothing(seed: int, portions: int) -> None:
    votes = votes_of(seed, 80)
    once, _ = evidence_of(votes)
    shuffled = np.random.default_rng(seed).permutation(80)
    for name in ("voters", "pairs", "answers", "baselines", "trust"):
        setattr(votes, name, getattr(votes, name)[shuffled])
    again, _ = evidence_of(votes, portions=portions)
    same(once, again)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000))
def test_votes_that_are_taken_back_leave_no_trace(seed: int) -> None:
    votes = votes_of(seed, 90)
    evidence, rows = evidence_of(votes)
    before, _ = evidence_of(votes)
    extra = votes_of(seed, 60)
    extra.voters = extra.voters[::-1].copy()
    add_portion(evidence, rows, votes.batch(0), extra.credits())
    add_portion(evidence, rows, votes.batch(0), extra.credits(), -1.0)
    same(evidence, before, 1e-8)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000), st.permutations(range(4)))
def test_names_do_not_matter(seed: int, order: list[int]) -> None:
    votes = votes_of(seed, 120)
    leader = order.index(0)
    plain, _ = evidence_of(votes)
    votes.members = votes.members[:, order]
    other, _ = evidence_of(votes, leader)
    scale = difference_units(votes.batch())
    found, moved = inference.estimate_approvals(plain), inference.estimate_approvals(other)
    assert np.allclose(found.estimates[order], moved.estimates, equal_nan=True)
    assert np.allclose(found.low[order], moved.low)
    assert np.allclose(
        inference.estimate_differences(plain, scale[np.argsort(order)][:, np.argsort(order)]).estimates[
            np.ix_(order, order)
        ],
        inference.estimate_differences(other, scale).estimates,
    )
    assert np.allclose(log_wealth(plain.log_led[:, 0])[order], log_wealth(other.log_led[:, leader]))


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000))
def test_a_copy_of_a_contender_differs_by_nothing_and_changes_no_other(seed: int) -> None:
    votes = votes_of(seed, 120)
    plain, _ = evidence_of(votes)
    alone = inference.estimate_approvals(plain)
    votes.members = np.column_stack([votes.members, votes.members[:, 1]])
    twice, _ = evidence_of(votes)
    found = inference.estimate_differences(twice, difference_units(votes.batch()))
    assert (found.estimates[1, 4], found.low[1, 4], found.high[1, 4], found.log_evidence[1, 4]) == (0, 0, 0, 0)
    both = inference.estimate_approvals(twice)
    assert np.allclose(both.estimates[:4], alone.estimates, equal_nan=True)
    assert np.allclose(both.estimates[4], alone.estimates[1], equal_nan=True)
    assert np.allclose(log_wealth(twice.log_bets)[:4, :4], log_wealth(plain.log_bets))
    assert np.allclose(log_wealth(twice.log_led)[0, :4], log_wealth(plain.log_led)[0])


def test_votes_on_pairs_that_all_put_first_move_no_difference() -> None:
    votes = votes_of(3)
    votes.members[:4] = True
    chosen = np.isin(votes.pairs, np.arange(4))
    assert chosen.any()
    evidence, rows = Evidence.before_votes(4), VoterSums.zeros_for(25, 4)
    add_portion(evidence, rows, votes.batch(), votes.credits(np.flatnonzero(chosen)))
    assert np.abs(inference.estimate_differences(evidence, difference_units(votes.batch())).estimates).max() < 1e-12
    assert np.abs(log_wealth(evidence.log_bets)).max() < 1e-12


def test_what_was_shown_together_is_one_step_of_the_bets() -> None:
    votes = votes_of(4, 2)
    weights = 1 / (votes.queries * votes.chances[votes.pairs])
    together = credits_of(
        np.zeros(2, dtype=np.intp), votes.members[votes.pairs], weights, np.ones(2), votes.answers,
        votes.baselines, np.zeros(2, dtype=np.intp),
    )  # fmt: skip
    assert together.moves.shape == (1, 4)
    batch = votes.batch()
    batch = replace(batch, reach=2 * batch.reach)
    evidence, rows = Evidence.before_votes(4), VoterSums.zeros_for(1, 4)
    add_portion(evidence, rows, batch, together)
    z = (weights * (votes.answers - votes.baselines)) @ votes.members[votes.pairs]
    assert np.allclose(evidence.log_bets, np.log1p(bet_stakes(batch) * (z[:, None] - z)))
    assert evidence.votes == 2


def test_nothing_is_said_before_twenty_voters_and_a_few_heavy_ones_count_as_few() -> None:
    evidence, scale = inference.worked_example()
    evidence.voters = 19
    assert concluded(evidence, scale).winner == -1
    assert inference.estimate_approvals(evidence).low.tolist() == [0.0, 0.0]
    evidence.voters = 40
    assert inference.estimate_approvals(evidence).low[0] > 0.5
    evidence.mass2 *= 10
    assert inference.estimate_approvals(evidence).low.tolist() == [0.0, 0.0]


def test_copies_at_the_top_are_one_winner() -> None:
    evidence, scale = inference.worked_example()
    rows = VoterSums.zeros_for(40, 3)
    members = np.array([[True, False, True], [False, True, False]])
    batch = batch_of(members, np.full(2, 0.5), 1)
    voters, turn = np.repeat(np.arange(40), 12), np.tile(np.arange(12), 40)
    answers = (turn % 2 == 0).astype(float)
    three = Evidence.before_votes(3)
    add_portion(
        three,
        rows,
        batch,
        credits_of(voters, members[turn % 2], np.full(480, 2.0), np.ones(480), answers, answers * 0 + 0.5),
    )
    three.voters = 40.0
    assert concluded(three, difference_units(batch)).winner == 0
    assert concluded(evidence, scale).winner == 0
    # Left out, a contender is no rival and no winner; the last one that is left has nobody to beat.
    assert concluded(three, difference_units(batch), racing=np.array([True, True, False])).winner == 0
    assert concluded(evidence, scale, racing=np.array([True, False])).winner == -1


@given(st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_designs_sum_to_one_respect_the_floor_and_ignore_what_all_agree_on(seed: int) -> None:
    votes = votes_of(seed, 10)
    plain = uniform_design(votes.places, votes.queries)
    for chances in (votes.chances, quota_design(np.arange(len(plain)), votes.places, votes.queries)):
        assert chances.sum() == pytest.approx(1)
        assert (chances >= 0.1 * plain - 1e-12).all()
    shared = votes.members.all(axis=1)
    assert np.allclose(votes.chances[shared], 0.1 * plain[shared])
    strata = np.arange(votes.queries) % 3
    kept = keep_strata(votes.chances, strata, votes.places)
    mass = np.bincount(strata[votes.places], weights=kept)
    assert np.allclose(mass, np.bincount(strata[np.unique(votes.places)]) / len(np.unique(votes.places)))
