"""How many votes it takes: against the slow search, and against what simulated studies took."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalapp.stats.intervals.normal_mixture import log_evidence
from evalapp.stats.planning import MOST, plan_from_now, votes_beforehand, votes_to_separate

GAPS = st.floats(0.02, 0.5)
VARIANCES = st.floats(0.1, 5.0)


@given(GAPS, VARIANCES)
def test_it_is_the_first_vote_at_which_the_evidence_suffices(gap: float, variance: float) -> None:
    votes = votes_to_separate(gap, variance)
    assert votes is not None
    scaled = gap / math.sqrt(variance)
    reached = [float(log_evidence(n * scaled, float(n))) >= math.log(20) for n in (votes - 1, votes)]
    assert reached == [False, True]


@given(GAPS, VARIANCES, st.floats(1.05, 3.0))
def test_a_larger_gap_takes_fewer_votes_and_more_noise_takes_more(gap: float, variance: float, by: float) -> None:
    votes = votes_to_separate(gap, variance)
    wider, noisier = votes_to_separate(gap * by, variance), votes_to_separate(gap, variance * by)
    assert votes is not None
    assert wider is not None
    assert noisier is not None
    assert wider <= votes <= noisier


def test_equals_are_never_told_apart() -> None:
    assert votes_to_separate(0.0, 1.0) is None
    assert votes_to_separate(1e-6, 1.0) is None


def test_the_plan_is_in_order_and_may_end_in_never() -> None:
    plan = plan_from_now(0.03, 0.01, 2000)
    assert plan.soon is not None
    assert plan.likely is not None
    assert plan.late is not None
    assert plan.soon < plan.likely < plan.late < MOST
    assert plan_from_now(0.005, 0.01, 2000).late is None
    assert plan_from_now(-0.03, 0.01, 2000) == plan


@pytest.mark.parametrize(
    ("best", "second", "contenders", "overlap", "simulated"),
    [(0.65, 0.45, 7, 0.2, 680), (0.55, 0.50, 12, 0.3, 10_643), (0.55, 0.53, 12, 0.3, 52_442)],
)
def test_the_rule_of_thumb_comes_near_what_simulated_studies_take(
    best: float, second: float, contenders: int, overlap: float, simulated: int
) -> None:
    votes = votes_beforehand(best, second, contenders, overlap)
    assert votes is not None
    assert votes == pytest.approx(simulated, rel=0.35)


def test_words_that_are_off_are_refused() -> None:
    for call in (
        lambda: votes_to_separate(0.1, 0.0),
        lambda: votes_to_separate(0.1, 1.0, delta=0.0),
        lambda: plan_from_now(0.1, 0.0, 10),
        lambda: votes_beforehand(0.4, 0.5, 3, 0.2),
        lambda: votes_beforehand(0.5, 0.4, 1, 0.2),
        lambda: votes_beforehand(0.5, 0.4, 3, 1.0),
    ):
        with pytest.raises(ValueError, match="needed"):
            call()


@pytest.mark.parametrize(("gap", "variance", "delta"), [(0.5, 1.0, 0.05), (1.2, 2.0, 0.01), (0.8, 0.3, 0.2)])
def test_small_plans_are_those_of_counting_up(gap: float, variance: float, delta: float) -> None:
    votes = 1
    while float(log_evidence(votes * gap / math.sqrt(variance), float(votes))) < math.log(1 / delta):
        votes += 1
    assert votes_to_separate(gap, variance, delta) == votes


def test_one_vote_may_be_enough_and_a_worse_one_never_wins() -> None:
    assert votes_to_separate(200.0, 1.0) == 1
    assert votes_to_separate(-0.2, 1.0) is None


def test_a_plan_takes_what_one_vote_varies_and_half_of_all_cases() -> None:
    variance = 500 * 0.02**2
    plan = plan_from_now(0.04, 0.02, 500, 0.1)
    gaps = (0.04 + 0.6745 * 0.02, 0.04, 0.04 - 0.6745 * 0.02)
    assert (plan.soon, plan.likely, plan.late) == tuple(votes_to_separate(gap, variance, 0.1) for gap in gaps)
    assert plan_from_now(0.04, 0.02, 500) == plan_from_now(0.04, 0.02, 500, 0.05) != plan
    assert plan_from_now(0.5, 0.1, 1).likely == votes_to_separate(0.5, 0.01)


@pytest.mark.parametrize("effect", [0.5, 1.0, 3.0])
def test_a_plan_beforehand_follows_the_rule_of_thumb(effect: float) -> None:
    candidates = 1 + 4 * 0.7
    variance = 2 * candidates * 0.7 * 0.55 * 0.45 * effect
    found = votes_beforehand(0.6, 0.5, 5, 0.3, effect=effect, delta=0.02)
    assert found == votes_to_separate(0.6 - 0.5, variance, 0.02)
    plain = votes_beforehand(0.6, 0.5, 5, 0.3)
    assert plain == votes_beforehand(0.6, 0.5, 5, 0.3, effect=1.0, delta=0.05)


def test_what_lies_at_the_edge_of_what_can_be_is_planned() -> None:
    assert votes_beforehand(1.0, 0.0, 2, 0.0) == votes_to_separate(1.0, 2 * 2 * 0.25)
    assert votes_beforehand(0.5, 0.5, 2, 0.0) is None
    assert votes_beforehand(1.0, 1.0, 2, 0.5) is None


@pytest.mark.parametrize(
    "call",
    [
        lambda: votes_to_separate(0.1, -1.0),
        lambda: votes_to_separate(0.1, 1.0, delta=1.0),
        lambda: votes_to_separate(0.1, 1.0, delta=1.5),
        lambda: plan_from_now(0.1, -0.1, 10),
        lambda: plan_from_now(0.1, 0.1, 0),
        lambda: votes_beforehand(1.1, 0.5, 3, 0.2),
        lambda: votes_beforehand(0.5, -0.1, 3, 0.2),
        lambda: votes_beforehand(0.5, 0.4, 3, -0.1),
        lambda: votes_beforehand(0.5, 0.4, 3, 0.2, effect=0.0),
    ],
)
def test_each_word_that_is_off_is_refused(call: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match="needed"):
        call()
