"""The stopping rule: what one voter cannot do alone, what newcomers and archived ones change, when near is enough."""

from __future__ import annotations

import numpy as np
import pytest

from evalapp.stats import inference
from evalapp.stats.decision import (
    Record,
    draw_conclusion,
    evidence_bars,
    jackknife_variances,
    lacking_evidence,
    look_at,
    stop_log_wealth,
)
from evalapp.stats.sums.contender_sums import Evidence, VoterSums, add_portion, credits_of, log_wealth
from evalapp.stats.sums.epochs import Batch, batch_of, difference_units
from tests.simulation.run import Study
from tests.simulation.scenarios import SCENARIOS, watch
from tests.simulation.world import People, world_of


def _scenario(name: str) -> Study:
    (chosen,) = [one for one in SCENARIOS if one.name == name]
    return chosen.begin(np.random.default_rng(4))


def test_a_newcomer_that_is_better_is_not_called_worse_and_nobody_else_practically_best() -> None:
    study = _scenario("a latecomer better than all")
    found = watch(study, 2400)
    assert not found.differences.any()
    assert not found.practically
    # The others keep what the votes before said of them.
    assert study.evidence.weight[0] > 2 * study.evidence.weight[1] > 0


def test_of_a_newcomer_nothing_is_known_before_its_first_vote() -> None:
    study = _scenario("a latecomer as good as the leader")
    study.run(1500, lambda _: False)
    found = inference.estimate_differences(study.evidence, study.units)
    assert (found.low[0, 3], found.high[0, 3], found.better[0, 3]) == (-1.0, 1.0, 0.5)
    assert not found.compared[0, 3]
    assert not found.alike[0, 3]
    assert found.compared[0, 1]
    assert not inference.practically_best(study.evidence, study.units, 0.5)[3]


def test_voters_who_see_much_of_a_small_pool_do_not_shrink_differences() -> None:
    rng = np.random.default_rng(11)
    people = People(visit=60, leniency=0.0, blind=0.0)
    found = []
    for _ in range(6):
        world = world_of([0.70, 0.40], 0.2, rng, queries=40, people=people)
        study = Study(world, rng, without_replacement=True)
        study.run(2500, lambda _: False)
        found.append(float(inference.estimate_differences(study.evidence, study.units).estimates[0, 1]))
    # Without what was seen before, it would be 0.2 or less.
    assert np.mean(found) == pytest.approx(0.30, abs=0.02)


def test_one_voter_with_most_of_the_votes_decides_nothing_alone() -> None:
    batch = batch_of(np.eye(2, dtype=np.bool_), np.full(2, 0.5), 1, leader=0)
    voters = np.r_[np.zeros(900, dtype=int), np.repeat(np.arange(1, 31), 5)]
    rng = np.random.default_rng(1)
    members = np.eye(2, dtype=bool)[rng.integers(2, size=len(voters))]
    liked = np.where(voters == 0, members[:, 0], rng.random(len(voters)) < 0.5).astype(float)
    evidence, rows = Evidence.before_votes(2), VoterSums.zeros_for(31, 2)
    ones = np.ones(len(voters))
    add_portion(evidence, rows, batch, credits_of(voters, members, 2 * ones, ones, liked, ones / 2))
    evidence.voters = 31.0
    scale, bar = difference_units(batch), evidence_bars(0.05, 0.0)[0]
    plain = look_at(evidence, scale)
    assert plain.stops[1] > bar
    assert plain.guards[1] > bar
    assert look_at(evidence, scale, variances=jackknife_variances(rows.guard, rows.stake)).guards[1] < bar


def _votes(evidence: Evidence, rows: VoterSums, batch: Batch, likes: list[float], seed: int) -> None:
    """300 votes of 30 voters who like each contender's pairs this often."""
    rng = np.random.default_rng(seed)
    count = len(likes)
    owner, ones = rng.integers(count, size=300), np.ones(300)
    liked = (rng.random(300) < np.array(likes)[owner]).astype(float)
    ready = credits_of(
        rng.integers(30, size=300), np.eye(count, dtype=bool)[owner], count * ones, ones, liked, ones / 2
    )
    add_portion(evidence, rows, batch, ready)
    evidence.voters = 30.0


def test_bets_on_a_leader_that_is_archived_are_left_out_to_the_last_digit() -> None:
    members = np.eye(3, dtype=np.bool_)
    one, other = (batch_of(members, np.full(3, 1 / 3), 1, leader=leader) for leader in (2, 0))
    both, alone = Evidence.before_votes(3), Evidence.before_votes(3)
    _votes(both, VoterSums.zeros_for(30, 3), one, [0.5, 0.5, 0.9], 1)
    _votes(both, VoterSums.zeros_for(30, 3), other, [0.8, 0.2, 0.9], 2)
    _votes(alone, VoterSums.zeros_for(30, 3), other, [0.8, 0.2, 0.9], 2)
    racing = np.array([True, True, False])
    found, expected = (look_at(each, difference_units(one), racing=racing).stops[:2] for each in (both, alone))
    assert found == pytest.approx(expected)
    assert look_at(both, difference_units(one)).stops[1] > found[1]


def test_a_margin_is_a_second_way_to_decide_with_its_own_share_of_the_risk() -> None:
    best, near = evidence_bars(0.05, 0.02)
    assert np.exp(-best) + np.exp(-near) == pytest.approx(0.05)
    assert evidence_bars(0.05, 0.0) == (pytest.approx(np.log(20)), np.inf)
    rng = np.random.default_rng(3)
    study = Study(world_of([0.62, 0.61, 0.40], 0.3, rng, queries=200), rng, margin=0.02)
    votes = study.run(20_000, lambda one: one.decided() >= 0)
    said = study.concluded()
    assert (said.winner in {0, 1}, said.kind) == (True, "within_margin")
    # As the best it would take many times as many.
    assert votes < 12_000
    assert not study.record.beaten[[0, 1]].any()


def test_what_was_beaten_once_stays_beaten_and_the_capital_of_later_leaders_is_smaller() -> None:
    evidence, scale = inference.worked_example()
    record, look = Record.nothing_reached(2), look_at(evidence, scale)
    record.note_look(look, 480, 0.05)
    assert draw_conclusion(record, scale, look.racing).winner == 0
    later = look_at(Evidence.before_votes(2), scale)
    record.note_look(later, 481, 0.05)
    assert (record.stops.tolist(), record.latest) == ([0, 480], 480)
    assert draw_conclusion(record, scale, look.racing).winner == 0
    assert lacking_evidence(later, record, 0.05)[0].tolist() == [pytest.approx(3.0, abs=0.01), 0.0]
    first, second = (look_at(evidence, scale, led=led, margin=0.02).near[0, 1] for led in ((0, 1), (1, 0)))
    assert first - second == pytest.approx(np.log(2))


def test_who_met_nobody_before_a_leader_was_known_has_no_wealth_from_then() -> None:
    evidence, _ = inference.worked_example()
    evidence.entered[1] = 1
    racing = np.array([True, True])
    led = log_wealth(evidence.log_led[:, racing].sum(axis=1))
    np.testing.assert_allclose(stop_log_wealth(evidence, racing), led)


def test_of_equal_contenders_none_is_called_better_by_chance() -> None:
    rng = np.random.default_rng(7)
    surely = 0
    for _ in range(20):
        errors = np.full((12, 12), 0.02) * (1 - np.eye(12))
        apart = rng.normal(0, 0.02 / np.sqrt(2), 12)
        better = inference.chances_better(apart[:, None] - apart, errors)
        surely += int((better > 0.95).sum())
    # A z-value would say so for one ordered pair in twenty.
    assert surely / (20 * 132) < 0.01


def test_a_declared_winner_has_the_first_rank_and_the_others_a_later_one() -> None:
    log_e = np.zeros((4, 4))
    best, worst = inference.rank_bounds(log_e, winner=2)
    assert (best.tolist(), worst.tolist()) == ([2, 2, 1, 2], [4, 4, 1, 4])
