"""Decisions stand: later votes, corrections of them, entries, archived contenders and new sums take no winner away."""

from __future__ import annotations

import os
from collections.abc import Callable

import numpy as np
import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from evalapp.catalog.models import Item
from evalapp.leaderboard.models import BoardBatch, BoardState
from evalapp.leaderboard.services import board_of, rebuild_sums, refresh_board, update_sums
from evalapp.studies.models import Contender, Nomination, Pair, Study
from evalapp.studies.services import archive_contender, deal_slots
from evalapp.voting.domain.simulated_tastes import parse_taste
from evalapp.voting.models import Correction, Vote
from evalapp.voting.pipeline.simulation import simulate_votes
from evalapp.voting.queries import deck_reads
from evalapp.voting.services.undo import undo_votes
from evalapp.webhooks.models import Delivery
from evalapp.webhooks.services import add_webhook
from tests import cast

pytestmark = [pytest.mark.django_db, pytest.mark.database]

RUNS = int(os.environ.get("DON_RETRACTIONS", "4"))
"""Courses of events to try; `make proofs` takes 200."""


def crowd(study: Study, votes: int, taste: str = "category:0.9,0.2", seed: int = 1) -> None:
    voters = max(1, votes // 10)
    simulate_votes(study, votes=votes, voters=voters, taste=parse_taste(taste), seed=seed, decide=True)


def late_contender(study: Study, *, like: str | None = None) -> None:
    """A contender with pairs of its own on three queries of four, as well liked as fc6."""
    late, items = Contender.objects.create(study=study, name="late:l2"), list(Item.objects.order_by("key"))
    for query in study.queries.select_related("item"):
        same = [one for one in items if one.category == query.item.category and one != query.item]
        old = Pair.objects.get(query=query, nominations__contender__name=cast.FC6, nominations__rank=1)
        own = next(one for one in reversed(same) if one.pk != old.candidate_id)
        pair = (
            old if query.position % 4 == 0 else Pair.objects.get_or_create(study=study, query=query, candidate=own)[0]
        )
        Nomination.objects.create(pair=pair, contender=late, rank=1)
    deal_slots(study)
    # Web processes take up the new pairs within a minute.
    deck_reads._cached_pools.clear()


@pytest.fixture
def decided() -> Study:
    """A study whose evidence has sunk below the bar since the winner was declared."""
    study = cast.open_study(queries=40)
    add_webhook("https://example.org/hook", ["winner.decided"], is_live=True)
    for seed in range(12):
        crowd(study, 60, seed=seed)
        refresh_board(study)
        if board_of(study).decision.winner:
            break
    for seed in range(100, 106):
        crowd(study, 100, "category:0.2,0.8", seed=seed)
    assert cast.board(study).decision.winner == cast.FC6
    return study


def told() -> int:
    return Delivery.objects.filter(event="winner.decided").count()


def test_undo_entry_archive_and_rebuild_leave_the_winner_and_tell_nobody_again(decided: Study) -> None:
    before = board_of(decided).decision
    stranger = cast.ada()
    cast.answered_exposure(decided, stranger)
    update_sums(decided)
    undo_votes(stranger, 1)
    rebuild_sums(decided)
    assert board_of(decided).decision.votes == before.votes
    late_contender(decided)
    update_sums(decided)
    archive_contender(decided.contenders.get(name=cast.FC7))
    after = cast.board(decided).decision
    assert (after.state, after.winner, after.kind, after.votes) == ("decided", cast.FC6, before.kind, before.votes)
    assert told() == 1


def against(study: Study, rng: np.random.Generator) -> None:
    """Sixty more votes of people who like what the others like least."""
    crowd(study, 60, "category:0.2,0.8", seed=int(rng.integers(1 << 30)))


def stranger_takes_back(study: Study, _: np.random.Generator) -> None:
    stranger = cast.ada()
    cast.answered_exposure(study, stranger)
    update_sums(study)
    undo_votes(stranger, 1)


def later_votes_are_set_aside(study: Study, rng: np.random.Generator) -> None:
    later = Vote.objects.filter(study=study, counted=True, pk__gt=BoardState.objects.get(study=study).decided_vote)
    some = [vote for vote in later.order_by("pk") if rng.random() < 0.3]
    Vote.objects.filter(pk__in=[one.pk for one in some]).update(counted=False, void_reason="spam")
    Correction.objects.bulk_create(Correction(vote=one, study=study, counted=False, reason="spam") for one in some)


def newcomer_enters(study: Study, _: np.random.Generator) -> None:
    if not study.contenders.filter(name="late:l2").exists():
        late_contender(study)


def other_is_archived(study: Study, _: np.random.Generator) -> None:
    archive_contender(study.contenders.get(name=cast.FC7))


EVENTS: tuple[Callable[[Study, np.random.Generator], None], ...] = (
    against,
    stranger_takes_back,
    later_votes_are_set_aside,
    newcomer_enters,
    other_is_archived,
    lambda study, _: rebuild_sums(study),
    lambda study, _: update_sums(study),
    lambda study, _: refresh_board(study),
)


def test_no_course_of_events_takes_a_winner_away_or_tells_of_it_again(decided: Study) -> None:
    before = board_of(decided).decision
    for run in range(RUNS):
        rng = np.random.default_rng(run)
        with transaction.atomic():
            for number in rng.integers(len(EVENTS), size=8):
                EVENTS[number](decided, rng)
            after = cast.board(decided).decision
            assert (after.winner, after.kind, after.votes) == (cast.FC6, before.kind, before.votes), run
            assert told() == 1, run
            transaction.set_rollback(True)
        deck_reads._cached_pools.clear()


def test_a_winner_goes_when_the_votes_that_decided_are_set_aside(decided: Study) -> None:
    state = BoardState.objects.get(study=decided)
    assert state.decided_vote
    spam = list(Vote.objects.filter(study=decided, pk__lte=state.decided_vote))[5:]
    Vote.objects.filter(pk__in=[one.pk for one in spam]).update(counted=False, void_reason="spam")
    Correction.objects.bulk_create(Correction(vote=one, study=decided, counted=False, reason="spam") for one in spam)
    decision = cast.board(decided).decision
    assert (decision.state, decision.winner, decision.votes) == ("collecting", None, None)


def test_one_vote_of_those_that_decided_taken_back_leaves_the_winner_if_the_others_suffice(decided: Study) -> None:
    first = Vote.objects.filter(study=decided).order_by("pk").first()
    assert first
    Vote.objects.filter(pk=first.pk).update(counted=False, void_reason="spam")
    Correction.objects.create(vote=first, study=decided, counted=False, reason="spam")
    before = board_of(decided).decision.votes
    assert (cast.board(decided).decision.winner, cast.board(decided).decision.votes) == (cast.FC6, before)
    assert told() == 1


@pytest.mark.parametrize("mode", ["swipe", "two", "grid"])
def test_a_newcomer_is_compared_with_nobody_before_its_votes_and_fairly_after(mode: str) -> None:
    study = cast.open_study(queries=40)
    Study.objects.update(mode=mode)
    study.refresh_from_db()
    for seed in range(4):
        crowd(study, 100, seed=seed)
        refresh_board(study)
    leader = BoardBatch.objects.filter(study=study).latest("version")
    assert leader.contenders[leader.leader] == study.contenders.get(name=cast.FC6).pk
    assert mode == "swipe" or leader.method == "uniform"
    late_contender(study)
    duel = cast.duels(study).duel_of(cast.FC6, "late:l2")
    assert (duel.compared, duel.low, duel.high, duel.better) == (False, -1.0, 1.0, 0.5)
    assert "late:l2" not in board_of(study).decision.practically_best
    refresh_board(study)
    crowd(study, 400, seed=9)
    line = next(one for one in cast.board(study).standings if one.contender == "late:l2")
    assert line.approval is not None
    duel = cast.duels(study).duel_of(cast.FC6, "late:l2")
    assert duel.compared
    # They are liked alike; the votes from before the entry would say that fc6 is better by tens of points.
    assert duel.low <= 0 <= duel.high
    assert abs(duel.difference) < 0.15


def test_a_reader_writes_nothing_and_sees_how_much_is_waiting() -> None:
    study = cast.open_study(queries=40)
    crowd(study, 60)
    update_sums(study)
    crowd(study, 7, seed=2)
    with CaptureQueriesContext(
        connection,
    ) as asked:
        board = board_of(study)
    assert (board.votes, board.pending) == (60, 7)
    assert not [one for one in asked.captured_queries if one["sql"].split()[0] in {"INSERT", "UPDATE", "DELETE"}]
    assert (cast.board(study).votes, cast.board(study).pending) == (67, 0)


def test_sums_of_another_format_are_added_anew_by_themselves() -> None:
    study = cast.open_study(queries=40)
    crowd(study, 60)
    before = cast.board(study)
    BoardState.objects.update(format=1, evidence=np.zeros(3).tobytes())
    assert (board_of(study).votes, board_of(study).pending) == (0, 60)
    after = cast.board(study)
    assert after.votes == 60
    assert [line.contender for line in after.standings] == [line.contender for line in before.standings]


def test_the_decision_says_what_is_missing() -> None:
    study = cast.open_study(queries=40)
    assert board_of(study).decision.reason == "no_votes"
    crowd(study, 60)
    few = cast.board(study).decision
    assert (few.reason, few.missing.voters) == ("too_few_voters", 14)
    crowd(study, 180, "category:0.6,0.5", seed=2)
    open_still = cast.board(study).decision
    assert open_still.reason == "not_beaten"
    assert open_still.leader
    assert open_still.missing.rivals
    assert open_still.leader not in open_still.missing.rivals
    assert (open_still.missing.votes or 0) >= (open_still.missing.votes_low or 0)
    for seed in range(3, 20):
        crowd(study, 100, seed=seed)
        if (found := cast.board(study).decision).winner:
            break
    assert (found.state, found.reason) == ("decided", found.kind)
    assert board_of(study).standings[0].rank_worst == 1
