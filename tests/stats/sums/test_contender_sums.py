"""The sums of a study that a contender enters late, with leaders and a margin: those of a loop over its votes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from evalapp.stats.sums.contender_sums import Evidence, VoterSums, add_portion, credits_of, log_wealth
from evalapp.stats.sums.epochs import batch_of, bet_stakes, common_weight, own_weights, pair_weights
from tests.stats.late_study import Vote, early_batch, late_batch, study_evidence, study_votes

Array = NDArray[np.float64]
LEVELS = np.array([[0, 0, 1], [0, 0, 1], [1, 1, 1]])


def psi_of(vote: Vote) -> Array:
    moves = vote.moves()
    return np.array([[moves[i] - moves[j] for j in range(3)] for i in range(3)])


def test_differences_come_from_the_eras_in_which_both_took_part() -> None:
    votes = study_votes(1)
    evidence, rows = study_evidence(votes)
    residual, weight = np.zeros((24, 2, 3)), np.zeros((24, 2))
    apart, single, told = np.zeros((24, 3, 3)), np.zeros((3, 3)), np.zeros((3, 3))
    for vote in votes:
        common, psi = common_weight(vote.batch), psi_of(vote)
        for level in range(vote.batch.era + 1):
            residual[vote.voter, level] += common * vote.moves()
            weight[vote.voter, level] += common * vote.trust
        for i in range(3):
            for j in range(3):
                if LEVELS[i, j] <= vote.batch.era:
                    apart[vote.voter, i, j] += common * psi[i, j]
                    single[i, j] += (common * psi[i, j]) ** 2
                    told[i, j] += bool(vote.members[i]) != bool(vote.members[j])
    assert evidence.levels.tolist() == LEVELS.tolist()
    assert (evidence.eras, evidence.contenders) == (2, 3)
    np.testing.assert_allclose(evidence.residual, residual.sum(axis=0))
    np.testing.assert_allclose(evidence.weight, weight.sum(axis=0))
    np.testing.assert_allclose(evidence.gram_weight, (weight[:, :, None] * residual).sum(axis=0))
    np.testing.assert_allclose(evidence.weight2, (weight**2).sum(axis=0))
    np.testing.assert_allclose(evidence.spread, (apart**2).sum(axis=0), atol=1e-9)
    np.testing.assert_allclose(evidence.vote_spread, single, atol=1e-9)
    np.testing.assert_allclose(evidence.told_apart, told)
    np.testing.assert_allclose(rows.residual.sum(axis=1), residual[:, 0])


def test_approvals_and_counts_are_those_of_a_loop() -> None:
    votes = study_votes(2)
    evidence, rows = study_evidence(votes)
    liked, mass, credited = np.zeros((24, 3)), np.zeros((24, 3)), np.zeros(3)
    for vote in votes:
        own = own_weights(vote.batch)
        mass[vote.voter] += own * vote.trust * vote.weight * vote.members
        liked[vote.voter] += own * vote.trust * vote.weight * vote.members * vote.answer
        credited += vote.members
    np.testing.assert_allclose(rows.mass, mass)
    np.testing.assert_allclose(rows.liked, liked)
    np.testing.assert_allclose(evidence.liked2, (liked**2).sum(axis=0))
    np.testing.assert_allclose(evidence.cross, (liked * mass).sum(axis=0))
    np.testing.assert_allclose(evidence.mass2, (mass**2).sum(axis=0))
    np.testing.assert_allclose(evidence.credited, credited)
    assert evidence.votes == len(votes)


def test_the_guard_sums_what_was_bet_on_the_leaders_of_the_moment() -> None:
    votes = study_votes(3)
    evidence, rows = study_evidence(votes)
    guard, stake = np.zeros((24, 3)), np.zeros((24, 3))
    paired, paired2 = np.zeros((3, 3)), np.zeros((3, 3))
    for vote in votes:
        weights, psi, leader = pair_weights(vote.batch), psi_of(vote), vote.batch.leader
        paired += weights * psi
        paired2 += weights**2 * psi**2
        if leader >= 0:
            guard[vote.voter] += weights[leader] * psi[leader]
            stake[vote.voter] += weights[leader] * vote.trust
    np.testing.assert_allclose(evidence.paired, paired, atol=1e-9)
    np.testing.assert_allclose(evidence.paired2, paired2, atol=1e-9)
    np.testing.assert_allclose(rows.guard, guard, atol=1e-9)
    np.testing.assert_allclose(rows.stake, stake)
    np.testing.assert_allclose(evidence.guard, guard.sum(axis=0))
    np.testing.assert_allclose(evidence.stake, stake.sum(axis=0))
    np.testing.assert_allclose(evidence.guard2, (guard**2).sum(axis=0))
    np.testing.assert_allclose(evidence.guard_stake, (guard * stake).sum(axis=0))
    np.testing.assert_allclose(evidence.stake2, (stake**2).sum(axis=0))


def test_bets_are_kept_by_whether_somebody_led_and_lifted_by_the_margin_for_those_who_did() -> None:
    votes = study_votes(4)
    evidence, _ = study_evidence(votes)
    open_, led, near = (np.zeros((4, 3, 3)) for _ in range(3))
    for vote in votes:
        bets, psi, batch = bet_stakes(vote.batch), psi_of(vote), vote.batch
        for g in range(4):
            for j in range(3):
                if batch.leader < 0:
                    open_[g, :, j] += np.log1p(bets[g, :, j] * psi[:, j])
                else:
                    led[g, batch.leader, j] += np.log1p(bets[g, batch.leader, j] * psi[batch.leader, j])
                for ever_led in batch.led if batch.margin > 0 else ():
                    lifted = psi[ever_led, j] + vote.trust * batch.margin
                    near[g, ever_led, j] += np.log1p(bets[g, ever_led, j] * lifted)
    np.testing.assert_allclose(evidence.log_open, open_, atol=1e-9)
    np.testing.assert_allclose(evidence.log_led, led, atol=1e-9)
    np.testing.assert_allclose(evidence.log_near, near, atol=1e-9)
    assert np.abs(near[:, 1]).max() > 0


def test_without_a_margin_nobody_is_bet_on_as_near() -> None:
    evidence, _ = study_evidence([vote for vote in study_votes(5) if vote.batch.margin == 0])
    assert evidence.log_led.any()
    assert not evidence.log_near.any()


def test_taking_back_the_votes_of_all_eras_leaves_zeros() -> None:
    votes = study_votes(6)
    evidence, rows = study_evidence(votes)
    for batch in {id(vote.batch): vote.batch for vote in votes}.values():
        mine = [vote for vote in votes if vote.batch is batch]
        columns = (np.array([getattr(one, name) for one in mine]) for name in ("weight", "trust", "answer", "baseline"))
        members, voters = np.array([vote.members for vote in mine]), np.array([vote.voter for vote in mine])
        add_portion(evidence, rows, batch, credits_of(voters, members, *columns), -1.0)
    for name in Evidence.__slots__:
        if name not in {"entered", "voters"}:
            np.testing.assert_allclose(getattr(evidence, name), 0, atol=1e-8, err_msg=name)
    for name in VoterSums.__slots__:
        np.testing.assert_allclose(getattr(rows, name), 0, atol=1e-9, err_msg=name)


def test_what_a_voter_has_shown_before_stands_in_for_the_unseen_and_is_trusted_as_the_vote() -> None:
    members, known = np.array([[True, False], [False, True]]), np.array([[0.5, 0.25], [0.0, -1.0]])
    arguments = (np.array([2.0, 4.0]), np.array([0.5, 1.0]), np.array([1.0, 0.0]), np.array([0.25, 0.5]))
    found = credits_of(np.array([0, 1]), members, *arguments, known=known)
    assert found.moves.tolist() == [[0.75 + 0.25, 0.125], [0.0, -2.0 - 1.0]]
    assert found.mass.tolist() == [[1.0, 0.0], [0.0, 4.0]]
    assert found.votes.tolist() == [1.0, 1.0]


def test_votes_that_were_shown_together_are_summed_by_their_answer() -> None:
    members = np.array([[True, False], [False, True], [True, True]])
    arguments = (np.array([2.0, 4.0, 1.0]), np.ones(3), np.array([1.0, 1.0, 0.0]), np.array([0.5, 0.25, 0.5]))
    found = credits_of(np.array([3, 3, 8]), members, *arguments, np.array([9, 9, 4]))
    assert found.voters.tolist() == [8, 3]
    assert found.mass.tolist() == [[1.0, 1.0], [2.0, 4.0]]
    assert found.liked.tolist() == [[0.0, 0.0], [2.0, 4.0]]
    assert found.moves.tolist() == [[-0.5, -0.5], [1.0, 3.0]]
    assert found.votes.tolist() == [1.0, 2.0]
    assert found.members.tolist() == [[1.0, 1.0], [1.0, 1.0]]


def test_rows_start_at_zero_and_a_copy_leaves_them_alone() -> None:
    rows = VoterSums.zeros_for(5, 3)
    assert rows.residual.shape == (5, 1, 3)
    assert rows.weight.shape == (5, 1)
    assert rows.guard.shape == (5, 3)
    other = rows.copy()
    other.liked += 1
    other.weight += 1
    assert not rows.liked.any()
    assert not rows.weight.any()
    assert VoterSums.zeros_for(2, 3, eras=4).residual.shape == (2, 4, 3)


def test_before_the_first_vote_all_have_taken_part_from_the_first_era() -> None:
    evidence = Evidence.before_votes(3)
    assert (evidence.eras, evidence.votes, evidence.voters) == (1, 0.0, 0.0)
    assert evidence.levels.tolist() == np.zeros((3, 3)).tolist()
    assert evidence.log_near.shape == evidence.log_bets.shape == (4, 3, 3)


def test_hundreds_of_contenders_are_bet_on_piece_by_piece_as_at_once() -> None:
    count = 710
    members = np.arange(count) % 2 == np.arange(2)[:, None]
    batch = batch_of(members, np.full(2, 0.5), 1)
    shown, answers, trust = np.array([0, 1, 0]), np.array([1.0, 1.0, 0.0]), np.array([1.0, 0.5, 0.25])
    evidence, rows = Evidence.before_votes(count), VoterSums.zeros_for(1, count)
    ready = credits_of(np.zeros(3, dtype=int), members[shown], np.full(3, 2.0), trust, answers, np.full(3, 0.5))
    add_portion(evidence, rows, batch, ready)
    psi = np.array([1.0, -0.5, -0.25])
    expected = np.log1p(bet_stakes(batch)[:, 0, 1, None] * psi).sum(axis=1)
    np.testing.assert_allclose(evidence.log_bets[:, 0, 1], expected)
    np.testing.assert_allclose(evidence.log_bets[:, 708, 709], expected)


def test_log_wealth_is_the_log_of_the_mean_over_bets() -> None:
    products = np.array([[1.0, 2.0], [3.0, 0.5], [8.0, 0.5]])
    np.testing.assert_allclose(log_wealth(np.log(products)), np.log([4.0, 1.0]), atol=1e-12)


def test_who_has_not_entered_gets_no_credit_from_early_votes() -> None:
    evidence, _ = study_evidence([vote for vote in study_votes(7) if vote.batch.era == 0])
    assert evidence.mass[2] == evidence.credited[2] == 0
    assert not evidence.log_bets[:, 2].any()
    assert (evidence.weight[0] > 0, evidence.weight[1]) == (True, 0)
    assert early_batch().contenders == late_batch().contenders == 3
