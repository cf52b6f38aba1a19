"""The sums are kept vote by vote; added all at once, in any portions and after any corrections they are the same."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from evalapp.catalog.models import Item
from evalapp.leaderboard.models import BoardBatch, BoardState
from evalapp.leaderboard.services import rebuild_sums, refresh_board, update_sums
from evalapp.leaderboard.services.sums.codec import unpack_evidence
from evalapp.stats.sums.contender_sums import Evidence
from evalapp.studies.models import Contender, Nomination, Pair, SamplingMethod, Study
from evalapp.studies.services import deal_slots
from evalapp.voting.domain.simulated_tastes import parse_taste
from evalapp.voting.models import Correction, Design, Exposure, Vote
from evalapp.voting.pipeline.simulation import simulate_votes
from evalapp.voting.queries import deck_reads as voting_queries
from evalapp.voting.services.undo import undo_votes
from tests import cast

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture
def study() -> Study:
    return cast.open_study(queries=40)


def crowd(study: Study, votes: int, seed: int = 1) -> None:
    simulate_votes(study, votes=votes, voters=max(1, votes // 10), taste=parse_taste("category:0.9,0.2"), seed=seed)


def evidence_of(study: Study) -> Evidence:
    state = BoardState.objects.get(study=study)
    return unpack_evidence(state.evidence, len(state.contenders), state.eras)


def assert_rebuilt_is_the_same(study: Study) -> None:
    update_sums(study)
    kept, board = evidence_of(study), cast.board(study)
    rebuild_sums(study)
    again = evidence_of(study)
    for one in fields(Evidence):
        old, new = getattr(kept, one.name), getattr(again, one.name)
        scale = max(1.0, float(np.abs(new).max()))
        assert np.abs(np.asarray(old) - np.asarray(new)).max() <= 1e-9 * scale, one.name
    assert [line.contender for line in board.standings] == [line.contender for line in cast.board(study).standings]


def test_in_portions_or_all_at_once_under_several_designs(study: Study) -> None:
    for seed in range(4):
        crowd(study, 60, seed)
        refresh_board(study)
    assert Design.objects.filter(study=study).count() == 4
    assert Vote.objects.exclude(exposure__design_version=None).exists()
    assert_rebuilt_is_the_same(study)


def test_after_votes_were_taken_back_set_aside_and_put_back(study: Study) -> None:
    crowd(study, 120)
    update_sums(study)
    voters = list({vote.voter for vote in Vote.objects.select_related("voter")})
    undo_votes(voters[0], 3)
    update_sums(study)
    set_aside = Vote.objects.filter(voter=voters[1])
    set_aside.update(counted=False, void_reason="fast")
    Correction.objects.bulk_create(
        Correction(vote=vote, study=study, counted=False, reason="fast") for vote in set_aside
    )
    update_sums(study)
    assert cast.board(study).votes == 120 - 3 - set_aside.count()
    assert cast.board(study).set_aside.votes == set_aside.count()
    assert_rebuilt_is_the_same(study)
    set_aside.update(counted=True, void_reason="")
    Correction.objects.bulk_create(
        Correction(vote=vote, study=study, counted=True, reason="fast") for vote in set_aside
    )
    assert cast.board(study).votes == 117
    assert_rebuilt_is_the_same(study)


def test_the_board_with_and_without_what_was_set_aside(study: Study) -> None:
    crowd(study, 100)
    before = {line.contender: line.approval for line in cast.board(study).standings}
    spam = cast.ada()
    for _ in range(12):
        cast.answered_exposure(study, spam, "nope")
    Vote.objects.filter(voter=spam).update(counted=False, void_reason="spam")
    Correction.objects.bulk_create(
        Correction(vote=vote, study=study, counted=False, reason="spam") for vote in Vote.objects.filter(voter=spam)
    )
    for line in cast.board(study).standings:
        assert line.approval == pytest.approx(before[line.contender])
        assert line.raw_approval is not None
        assert line.approval is not None
        assert line.raw_approval < line.approval


def test_a_vote_that_arrives_behind_a_later_one_finds_its_place(study: Study) -> None:
    voter = cast.ada()
    first, second, third = (cast.answered_exposure(study, voter) for _ in range(3))
    Vote.objects.filter(exposure=second).update(counted=False, void_reason="undone")
    update_sums(study)
    # As if its transaction had been slow: it was not there, and now it is.
    Vote.objects.filter(exposure=second).update(counted=True, void_reason="")
    update_sums(study)
    assert evidence_of(study).votes == 3
    assert_rebuilt_is_the_same(study)
    assert first.pk < third.pk


def test_gold_answers_weigh_the_votes_that_come_after_them(study: Study) -> None:
    voters = [cast.ada(), cast.bo()]
    for voter, verdict in zip(voters, ("dope", "nope"), strict=True):
        gold = cast.answered_exposure(study, voter, verdict)
        Exposure.objects.filter(pk=gold.pk).update(kind="gold", expected="dope")
        for _ in range(4):
            cast.answered_exposure(study, voter)
    update_sums(study)
    evidence = evidence_of(study)
    assert (evidence.votes, evidence.voters) == (8, 2)
    # 0.85 → 0.915 for a right, 0.362 for a wrong answer; the common weight of the uniform batch is the same for all.
    assert evidence.weight2 / evidence.weight**2 == pytest.approx(
        (0.915**2 + 0.362**2) / (0.915 + 0.362) ** 2, abs=1e-3
    )
    assert_rebuilt_is_the_same(study)


def test_a_design_is_published_after_each_batch_and_not_before(study: Study) -> None:
    crowd(study, 19, 1)
    assert refresh_board(study) is None
    crowd(study, 20, 2)
    assert refresh_board(study) == 1
    assert refresh_board(study) is None
    crowd(study, 120, 3)
    assert refresh_board(study) == 2
    methods = list(Design.objects.filter(study=study).order_by("version").values_list("method", flat=True))
    assert methods == ["uniform", "adaptive"]
    leader = BoardBatch.objects.get(study=study, version=2)
    best = study.contenders.get(name=cast.FC6)
    assert leader.contenders[leader.leader] == best.pk
    board = cast.board(study)
    assert (board.sampling.method, board.sampling.version) == ("adaptive", 2)


@pytest.mark.parametrize("method", [SamplingMethod.UNIFORM, SamplingMethod.QUOTA])
def test_other_designs_can_be_chosen(study: Study, method: str) -> None:
    Study.objects.update(sampling=method, sampling_strata=True)
    study.refresh_from_db()
    crowd(study, 150)
    refresh_board(study)
    design = Design.objects.get(study=study)
    assert design.method == method
    assert np.frombuffer(bytes(design.probabilities)).sum() == pytest.approx(1)


def test_a_contender_with_pairs_of_its_own_has_no_statements_before_it_entered(study: Study) -> None:
    crowd(study, 80)
    refresh_board(study)
    update_sums(study)
    before = cast.board(study)
    late = Contender.objects.create(study=study, name="late:l2")
    items = list(Item.objects.order_by("key"))
    for query in study.queries.all():
        pair, _ = Pair.objects.get_or_create(
            study=study, query=query, candidate=items[(query.position + 5) % len(items)]
        )
        Nomination.objects.create(pair=pair, contender=late, rank=1)
    deal_slots(study)
    board = cast.board(study)
    line = next(one for one in board.standings if one.contender == "late:l2")
    assert (line.approval, line.low, line.high, line.rank_best) == (None, 0.0, 1.0, 1)
    for old in before.standings:
        same = next(one for one in board.standings if one.contender == old.contender)
        assert same.approval == pytest.approx(old.approval)
        assert (same.low, same.high) == pytest.approx((old.low, old.high))
    assert refresh_board(study) == 2
    # Web processes take up the new pairs within a minute.
    voting_queries._cached_pools.clear()
    crowd(study, 100, 5)
    assert next(one for one in cast.board(study).standings if one.contender == "late:l2").approval is not None
    assert_rebuilt_is_the_same(study)


def test_the_difference_of_two_is_that_of_the_other_way_round(study: Study) -> None:
    crowd(study, 200)
    duels = cast.duels(study)
    one, other = duels.duel_of(cast.FC6, cast.FC7), duels.duel_of(cast.FC7, cast.FC6)
    assert one.difference == pytest.approx(-other.difference)
    assert (one.low, one.high) == pytest.approx((-other.high, -other.low))
    assert one.better == pytest.approx(1 - other.better)
    assert (one.same, one.queries) == (20, 40)
