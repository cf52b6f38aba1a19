"""The stopping rule: what one voter cannot do alone, what newcomers and archived ones change, when near is enough."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from evalapp.stats import inference
from evalapp.stats.decision import (
    Look,
    Record,
    draw_conclusion,
    evidence_bars,
    guard_log_evidence,
    jackknife_variances,
    lacking_evidence,
    look_at,
    stop_log_wealth,
)
from evalapp.stats.inference import clustered_log_evidence
from evalapp.stats.intervals.normal_mixture import BOUNDLESS, GUARD_TUNINGS, log_evidence
from evalapp.stats.sums.contender_sums import Evidence, VoterSums, add_portion, credits_of, log_wealth
from evalapp.stats.sums.epochs import Batch, batch_of, difference_units
from tests.simulation.run import Study
from tests.simulation.scenarios import SCENARIOS, watch
from tests.simulation.world import People, world_of
from tests.stats.late_study import study_evidence, study_votes

Array = NDArray[np.float64]
SCALE = np.array([[0.0, 1.3, 0.7], [1.3, 0.0, 2.0], [0.7, 2.0, 0.0]])
ALL = np.ones(3, dtype=bool)


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


def look_of(count: int = 2, racing: NDArray[np.bool_] | None = None, **told: Array) -> Look:
    """A look that says nothing but what is told."""
    open_ = {name: np.full((count,) * sides, -9.0) for name, sides in
             (("stops", 1), ("guards", 1), ("near", 2), ("near_guards", 2))}  # fmt: skip
    return Look(**(open_ | told), racing=np.ones(count, dtype=bool) if racing is None else racing)


def beaten_record(count: int, *beaten: int) -> Record:
    record = Record.nothing_reached(count)
    record.stops[list(beaten)] = record.guards[list(beaten)] = 100
    return record


def late_evidence(seed: int = 1) -> Evidence:
    return study_evidence(study_votes(seed, voters=40, each=30), voters=40)[0]


def mean_wealth(log_products: Array) -> float:
    return float(np.mean(np.exp(log_products)))


def test_a_bar_is_reached_at_exactly_its_height_and_only_the_first_time_counts() -> None:
    best, near = evidence_bars(0.1, 0.02)
    assert (best, near) == pytest.approx((np.log(20), np.log(20)))
    record = Record.nothing_reached(2)
    assert record.latest == 0
    below = np.nextafter(best, 0)
    record.note_look(
        look_of(stops=np.array([best, below]), guards=np.array([below, best]), near=np.full((2, 2), near)), 7, 0.1, 0.02
    )
    assert (record.stops.tolist(), record.guards.tolist()) == ([7, 0], [0, 7])
    assert (record.near.tolist(), record.near_guards.tolist()) == ([[7, 7], [7, 7]], [[0, 0], [0, 0]])
    assert record.beaten.tolist() == [False, False]
    assert not record.close.any()
    record.note_look(
        look_of(stops=np.full(2, best), guards=np.full(2, best), near_guards=np.full((2, 2), near)), 9, 0.1, 0.02
    )
    assert (record.stops.tolist(), record.guards.tolist(), record.latest) == ([7, 9], [9, 7], 9)
    assert record.beaten.all()
    assert record.close.all()


def test_without_a_margin_all_of_the_risk_is_for_the_best_and_nothing_is_near() -> None:
    best, near = evidence_bars(0.1, 0.0)
    assert (best, near) == pytest.approx((np.log(10), np.inf))
    record = Record.nothing_reached(2)
    record.note_look(look_of(stops=np.full(2, best), near=np.full((2, 2), 1e9)), 3, 0.1)
    assert record.stops.tolist() == [3, 3]
    assert not record.near.any()


def test_the_last_of_all_bars_is_the_latest() -> None:
    for name in ("stops", "guards", "near", "near_guards"):
        record = beaten_record(2, 1)
        getattr(record, name)[0] = 250
        assert record.latest == 250
    assert Record.nothing_reached(0).latest == 0


@pytest.mark.parametrize(
    ("beaten", "racing", "winner"),
    [
        ((1, 2), [1, 1, 1], 0),
        ((0, 1), [1, 1, 1], 2),
        ((1,), [1, 1, 1], -1),
        ((0, 1, 2), [1, 1, 1], -1),
        ((1,), [1, 1, 0], 0),
        ((), [1, 0, 0], -1),
        ((), [1, 1, 1], -1),
        ((2,), [1, 1, 0], -1),
    ],
)
def test_the_best_is_the_one_of_several_that_is_not_beaten(
    beaten: tuple[int, ...], racing: list[int], winner: int
) -> None:
    found = draw_conclusion(beaten_record(3, *beaten), SCALE, np.array(racing, dtype=bool))
    assert (found.winner, found.kind) == (winner, "best" if winner >= 0 else None)


def test_copies_stand_for_each_other_and_one_never_compared_stands_in_the_way() -> None:
    scale = SCALE.copy()
    scale[0, 2] = scale[2, 0] = 0.0
    assert draw_conclusion(beaten_record(3, 1), scale, ALL).winner == 0
    scale[0, 2] = scale[2, 0] = np.nan
    assert draw_conclusion(beaten_record(3, 1), scale, ALL).winner == -1


def near_record(row: int, *columns: int, beaten: tuple[int, ...] = ()) -> Record:
    record = beaten_record(3, *beaten)
    record.near[row, list(columns)] = record.near_guards[row, list(columns)] = 300
    return record


def test_within_the_margin_is_who_is_near_all_that_are_not_beaten() -> None:
    def said(record: Record, racing: NDArray[np.bool_] = ALL, margin: float = 0.02) -> tuple[int, str | None]:
        found = draw_conclusion(record, SCALE, racing, margin)
        return found.winner, found.kind

    assert said(near_record(1, 0, 2)) == (1, "within_margin")
    assert said(near_record(1, 0, 2), margin=0.0) == (-1, None)
    assert draw_conclusion(near_record(1, 0, 2), SCALE, ALL).winner == -1
    assert said(near_record(1, 0)) == (-1, None)
    assert said(near_record(1, 0, beaten=(2,))) == (1, "within_margin")
    assert said(near_record(1, 0), np.array([True, True, False])) == (1, "within_margin")
    assert said(near_record(1, 0, 2, beaten=(1,))) == (-1, None)
    assert said(near_record(1, 0, 2), np.array([True, False, True])) == (-1, None)
    assert said(near_record(1, 0, 2), np.array([False, True, False])) == (-1, None)
    # That all others are beaten is the stronger word.
    assert said(near_record(1, 0, 2, beaten=(0, 2))) == (1, "best")
    # Somebody has to have been shown near: copies alone decide nothing.
    assert draw_conclusion(Record.nothing_reached(3), np.zeros((3, 3)) + np.nan, ALL, 0.02).winner == -1
    first = near_record(0, 1, 2)
    first.near[2, :2] = first.near_guards[2, :2] = 300
    assert said(first) == (0, "within_margin")


def test_what_is_lacking_is_the_weaker_of_bet_and_guard_until_it_was_reached() -> None:
    best, _ = evidence_bars(0.05, 0.0)
    look = look_of(3, stops=np.array([1.0, 5.0, 2.0]), guards=np.array([2.0, 0.5, 9.0]))
    found = lacking_evidence(look, Record.nothing_reached(3), 0.05)
    expected = [best - 1.0, best - 0.5, best - 2.0]
    np.testing.assert_allclose(found, [expected] * 3)
    record = Record.nothing_reached(3)
    record.stops[0] = record.guards[1] = 1
    np.testing.assert_allclose(lacking_evidence(look, record, 0.05)[0], [best - 2.0, 0.0, best - 2.0])


def test_to_be_near_may_lack_less_than_to_beat() -> None:
    best, near = evidence_bars(0.05, 0.02)
    look = look_of(2, stops=np.array([1.0, 3.0]), guards=np.array([9.0, 9.0]),
                   near=np.array([[0.5, 2.0], [3.2, 3.5]]), near_guards=np.array([[9.0, 9.0], [2.5, 9.0]]))  # fmt: skip
    nothing = Record.nothing_reached(2)
    expected = [[best - 1.0, best - 3.0], [near - 2.5, near - 3.5]]
    np.testing.assert_allclose(lacking_evidence(look, nothing, 0.05, 0.02), expected)
    nothing.near_guards[1, 0] = 1
    assert lacking_evidence(look, nothing, 0.05, 0.02)[1, 0] == pytest.approx(near - 3.2)
    nothing.near[1, 0] = 1
    assert lacking_evidence(look, nothing, 0.05, 0.02)[1, 0] == 0
    # Without a margin nearness is no way out.
    assert lacking_evidence(look, nothing, 0.05)[1, 0] == pytest.approx(np.log(20) - 1.0)


@pytest.mark.parametrize("racing", [[1, 1, 1], [1, 1, 0], [0, 1, 1]])
def test_wealth_against_the_best_is_bets_of_leaders_times_the_mean_of_rivals(racing: list[int]) -> None:
    evidence, among = late_evidence(2), np.array(racing, dtype=bool)
    found = stop_log_wealth(evidence, among)
    for i in range(3):
        led = mean_wealth(sum(evidence.log_led[:, leader, i] for leader in range(3) if among[leader]))
        rivals = [j for j in range(3) if among[j] and j != i and evidence.entered[j] == 0]
        shared = np.mean([mean_wealth(evidence.log_open[:, j, i]) for j in rivals]) if rivals else 1.0
        # Against the third, which entered late, nobody bet before there was a leader.
        assert found[i] == pytest.approx(np.log(led * (shared if i < 2 else 1.0)))


def test_three_rivals_share_the_wealth_before_there_is_a_leader() -> None:
    random, evidence = np.random.default_rng(0), Evidence.before_votes(4)
    evidence.log_open = random.normal(size=(4, 4, 4))
    found = stop_log_wealth(evidence, np.array([True, True, False, True]))
    for i in range(4):
        rivals = [j for j in (0, 1, 3) if j != i]
        assert found[i] == pytest.approx(np.log(np.mean([mean_wealth(evidence.log_open[:, j, i]) for j in rivals])))


@pytest.mark.parametrize("jackknife", [False, True])
def test_the_guard_is_mostly_the_mixture_of_what_was_bet_on(jackknife: bool) -> None:
    votes = study_votes(2, voters=40, each=30)
    evidence, rows = study_evidence(votes, voters=40)
    given = jackknife_variances(rows.guard, rows.stake) if jackknife else None
    found = guard_log_evidence(evidence, SCALE, ALL, given)
    pairs = clustered_log_evidence(evidence, SCALE)
    for i in range(3):
        lead = rows.guard[:, i].sum() / max(rows.stake[:, i].sum(), 1e-300)
        variance = float(((rows.guard[:, i] - lead * rows.stake[:, i]) ** 2).sum())
        led = float(log_evidence(evidence.guard[i], variance if given is None else given[i], GUARD_TUNINGS))
        shared = np.mean([np.exp(pairs[j, i]) for j in range(3) if j != i])
        assert found[i] == pytest.approx(np.log(0.9 * np.exp(led) + 0.1 * shared))


def test_the_guard_leaves_out_leaders_that_are_not_racing() -> None:
    evidence = late_evidence(3)
    pairs = clustered_log_evidence(evidence, SCALE)
    found = guard_log_evidence(evidence, SCALE, np.array([True, False, True]))
    assert found[0] == pytest.approx(pairs[2, 0])
    assert found[1] == pytest.approx(np.log((np.exp(pairs[0, 1]) + np.exp(pairs[2, 1])) / 1))
    # The third never led: what was bet on the others stays.
    assert guard_log_evidence(evidence, SCALE, np.array([True, True, False]))[0] != pytest.approx(pairs[1, 0])


def test_without_bets_on_a_leader_the_guard_has_nine_tenths_of_its_stake_left() -> None:
    votes = [vote for vote in study_votes(2, voters=40, each=60) if vote.batch.leader < 0]
    evidence, _ = study_evidence(votes, voters=40)
    pairs = clustered_log_evidence(evidence, SCALE)
    found = guard_log_evidence(evidence, SCALE, ALL)
    shared = (np.exp(pairs[1, 0]) + np.exp(pairs[2, 0])) / 2
    assert found[0] == pytest.approx(np.log(0.9 + 0.1 * shared))


def test_the_guard_says_nothing_before_twenty_voters_or_of_one_alone() -> None:
    evidence = late_evidence()
    assert guard_log_evidence(replace(evidence, voters=19.0), SCALE, ALL).tolist() == [0, 0, 0]
    assert guard_log_evidence(replace(evidence, voters=20.0), SCALE, ALL).any()
    one = Evidence.before_votes(1)
    one.voters = 50.0
    assert guard_log_evidence(one, np.zeros((1, 1)), np.ones(1, dtype=bool)).tolist() == [0]


def test_who_led_kth_starts_with_two_to_the_minus_k() -> None:
    evidence, margin = late_evidence(4), 0.04
    look = look_at(evidence, SCALE, led=(1, 0), margin=margin)
    guards = clustered_log_evidence(evidence, SCALE, margin, GUARD_TUNINGS)
    for row, capital in ((1, 0.5), (0, 0.25)):
        for column in range(3):
            wealth = mean_wealth(evidence.log_near[:, row, column])
            assert look.near[row, column] == pytest.approx(np.log(capital * wealth))
            assert look.near_guards[row, column] == pytest.approx(np.log(capital) + guards[row, column])
    assert np.isneginf(look.near[2]).all()
    assert np.isneginf(look.near_guards[2]).all()
    for silent in (look_at(evidence, SCALE, led=(1, 0)), look_at(evidence, SCALE, margin=margin)):
        assert np.isneginf(silent.near).all()
        assert np.isneginf(silent.near_guards).all()


def test_a_look_knows_who_is_racing_and_holds_bets_and_guards() -> None:
    evidence, racing = late_evidence(5), np.array([True, True, False])
    look = look_at(evidence, SCALE, racing=racing)
    np.testing.assert_allclose(look.stops, stop_log_wealth(evidence, racing))
    np.testing.assert_allclose(look.guards, guard_log_evidence(evidence, SCALE, racing))
    assert look.racing.tolist() == racing.tolist()
    assert look_at(evidence, SCALE).racing.tolist() == [True] * 3


def test_the_jackknife_measures_each_voter_against_the_others() -> None:
    random = np.random.default_rng(1)
    weights, sums = random.uniform(0.5, 2.0, (12, 2)), random.normal(size=(12, 2))
    found = jackknife_variances(sums, weights)
    for column in range(2):
        s, h = sums[:, column], weights[:, column]
        centre = s.sum() / h.sum()
        expected = sum(((s[v] - centre * h[v]) / (1 - h[v] / h.sum())) ** 2 for v in range(12))
        assert found[column] == pytest.approx(expected)


def test_of_five_equal_voters_the_jackknife_knows_nothing_and_of_six_something() -> None:
    random = np.random.default_rng(2)
    few, more = (jackknife_variances(random.normal(size=(n, 1)), np.full((n, 1), 0.25)) for n in (5, 6))
    assert few.tolist() == [BOUNDLESS]
    assert more[0] < 1000
    assert jackknife_variances(np.zeros((3, 1)), np.zeros((3, 1))).tolist() == [0.0]
