"""The standings: who is credited, with what weight, and what is said of it."""

from __future__ import annotations

from collections import defaultdict

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from evalapp.leaderboard.models import BoardBatch
from evalapp.leaderboard.services import Board, Standing, refresh_board, robustness_report
from evalapp.stats.estimators import WeightedVotes, estimate_approval
from evalapp.studies.models import Contender, Nomination, Pair, Study
from evalapp.studies.services import archive_contender, return_contender
from evalapp.voting.domain.simulated_tastes import parse_taste
from evalapp.voting.models import Exposure, Vote
from evalapp.voting.pipeline.simulation import simulate_votes
from evalapp.voting.services.undo import undo_votes
from evalapp.webhooks.models import Delivery
from evalapp.webhooks.services import add_webhook
from tests import cast

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture
def study() -> Study:
    return cast.open_study(queries=40)


def line(board: Board, name: str) -> Standing:
    return next(standing for standing in board.standings if standing.contender == name)


def crowd(study: Study, votes: int, taste: str = "category:0.9,0.2", voters: int = 60, seed: int = 1) -> None:
    simulate_votes(study, votes=votes, voters=voters, taste=parse_taste(taste), seed=seed, decide=True)


def slow_weighted_votes(study: Study) -> dict[str, WeightedVotes]:
    """Vote by vote, nomination by nomination, without any grouping."""
    queries = study.queries.filter(slots__gt=0).count()
    found: dict[str, list[tuple[float, int, int]]] = defaultdict(list)
    for vote in Vote.objects.filter(study=study, counted=True).select_related("exposure"):
        if vote.verdict not in {"dope", "nope"}:
            continue
        for nomination in Nomination.objects.filter(pair=vote.pair_id, rank=1).select_related("contender"):
            liked = vote.verdict == "dope"
            weight = 1 / (queries * vote.exposure.propensity)
            found[nomination.contender.name].append((weight, int(liked), int(not liked)))
    return {name: WeightedVotes.from_counts(*zip(*votes, strict=True)) for name, votes in found.items()}


def test_without_votes_everything_is_possible(study: Study) -> None:
    board = cast.board(study)
    assert (board.votes, board.voters, board.credited_votes) == (0, 0, 0)
    assert (board.decision.state, board.decision.winner) == ("collecting", None)
    assert [standing.contender for standing in board.standings] == ["control", "net.fc6:l2", "net.fc7:hamming"]
    for standing in board.standings:
        assert (standing.approval, standing.low, standing.high) == (None, 0.0, 1.0)
        assert (standing.rank_best, standing.rank_worst, standing.votes) == (1, 3, 0)


def test_the_numbers_are_those_of_a_slow_loop_over_votes(study: Study) -> None:
    crowd(study, 900, voters=60)
    board = cast.board(study)
    slow = slow_weighted_votes(study)
    for standing in board.standings:
        votes = slow[standing.contender]
        assert standing.votes == votes.count
        assert standing.approval == pytest.approx(estimate_approval(votes))
    assert board.credited_votes == sum(votes.count for votes in slow.values())
    assert (board.votes, board.voters) == (900, 60)


def test_one_vote_on_a_shared_pair_is_credited_to_all_who_put_it_first(study: Study) -> None:
    exposure = cast.answered_exposure(study, cast.ada())
    first = Nomination.objects.filter(pair=exposure.pair, rank=1).values_list("contender__name", flat=True)
    board = cast.board(study)
    assert {standing.contender for standing in board.standings if standing.votes} == set(first)
    assert (board.votes, board.credited_votes) == (1, len(first))


def test_a_later_nomination_earns_no_credit(study: Study) -> None:
    for _ in range(30):
        cast.answered_exposure(study, cast.ada())
    shown = Exposure.objects.values_list("pair", flat=True)
    later = Nomination.objects.filter(pair__in=shown, rank__gt=1).exists()
    firsts = sum(Nomination.objects.filter(pair=pair, rank=1).count() for pair in shown)
    assert later
    assert cast.board(study).credited_votes == firsts


def test_only_verdicts_that_count_are_counted(study: Study) -> None:
    voter = cast.ada()
    for verdict in ("dope", "nope", "skip", "report", "dope"):
        cast.answered_exposure(study, voter, verdict)
    undo_votes(voter, 1)
    board = cast.board(study)
    assert (board.votes, board.voters) == (2, 1)


def test_a_voter_without_a_verdict_is_no_voter(study: Study) -> None:
    cast.answered_exposure(study, cast.ada(), "skip")
    assert cast.board(study).voters == 0


def test_gold_and_repeats_are_no_part_of_it(study: Study) -> None:
    for kind in ("gold", "repeat", "control", "study"):
        exposure = cast.answered_exposure(study, cast.ada())
        Exposure.objects.filter(pk=exposure.pk).update(kind=kind)
    assert cast.board(study).votes == 2


def test_simulated_votes_count_and_are_told(study: Study) -> None:
    crowd(study, 30)
    cast.answered_exposure(study, cast.ada())
    board = cast.board(study)
    assert (board.votes, board.simulated) == (31, 30)


def test_votes_of_another_study_change_nothing(study: Study) -> None:
    crowd(cast.open_study("other"), 50)
    assert cast.board(study).votes == 0


def test_estimates_come_close_to_what_the_crowd_likes(study: Study) -> None:
    """fc6 always matches, fc7 in half of the queries, so that 0.9 and 0.55 are the truth."""
    crowd(study, 1500)
    board = cast.board(study)
    for name, truth in (("net.fc6:l2", 0.9), ("net.fc7:hamming", 0.55), ("control", 0.55)):
        standing = line(board, name)
        assert standing.low <= truth <= standing.high
        assert standing.approval == pytest.approx(truth, abs=0.06)


def test_a_clear_winner_is_declared_and_told_to_whoever_listens_once(study: Study) -> None:
    add_webhook("https://example.org/", ["winner.decided"], is_live=True)
    crowd(study, 1500)
    board = cast.board(study)
    assert (board.decision.state, board.decision.winner, board.decision.delta) == ("decided", "net.fc6:l2", 0.05)
    # The winner's name says already that nobody is better.
    assert board.decision.practically_best == ("net.fc6:l2",)
    assert board.decision.worth_telling == ()
    best = board.standings[0]
    assert (best.contender, best.rank_best, best.rank_worst) == ("net.fc6:l2", 1, 1)
    assert {(one.rank_best, one.rank_worst) for one in board.standings[1:]} == {(2, 3)}
    cast.board(study)
    told = Delivery.objects.get()
    assert (told.event, told.payload["winner"], told.payload["delta"]) == ("winner.decided", "net.fc6:l2", 0.05)


def test_who_is_archived_keeps_its_line_and_is_out_of_ranks_decision_and_draw(study: Study) -> None:
    crowd(study, 1500)
    before = cast.board(study)
    archive_contender(study.contenders.get(name=cast.FC6))
    after = cast.board(study)
    one, other = line(before, cast.FC6), line(after, cast.FC6)
    assert (other.approval, other.low, other.high, other.votes) == (one.approval, one.low, one.high, one.votes)
    assert (other.rank_best, other.rank_worst) == (None, None)
    rivals = [line(after, name) for name in (cast.FC7, cast.CONTROL)]
    assert {(rival.rank_best, rival.rank_worst) for rival in rivals} == {(1, 2)}
    assert (after.decision.state, after.decision.winner, after.decision.votes) == ("collecting", None, None)
    assert cast.FC6 not in after.decision.practically_best
    (neighbours,) = robustness_report(study, after)["neighbours"]
    assert {neighbours["first"], neighbours["second"]} == {cast.FC7, cast.CONTROL}
    # Everybody lost to the one that is gone, which says nothing about who is the best of the others.
    crowd(study, 200, voters=20, seed=2)
    assert refresh_board(study)
    assert cast.board(study).decision.winner is None
    assert line(cast.board(study), cast.FC6).votes > one.votes
    batch = BoardBatch.objects.filter(study=study).latest("version")
    assert batch.contenders[batch.leader] != study.contenders.get(name=cast.FC6).pk
    assert Contender.objects.get(name=cast.FC6).archived_at


def test_the_best_of_those_who_stay_is_found(study: Study) -> None:
    archive_contender(study.contenders.get(name=cast.FC7))
    crowd(study, 1500)
    board = cast.board(study)
    assert (board.decision.state, board.decision.winner) == ("decided", cast.FC6)
    assert (line(board, cast.FC6).rank_best, line(board, cast.FC6).rank_worst) == (1, 1)
    assert (line(board, cast.CONTROL).rank_best, line(board, cast.CONTROL).rank_worst) == (2, 2)
    return_contender(study.contenders.get(name=cast.FC7))
    again = cast.board(study)
    assert line(again, cast.FC7).rank_worst == 3
    assert again.decision.winner == cast.FC6


def test_a_crowd_without_taste_decides_nothing(study: Study) -> None:
    crowd(study, 2000, "random:0.5")
    assert cast.board(study).decision.state == "collecting"


def test_standings_come_best_first_with_the_control_among_them(study: Study) -> None:
    crowd(study, 300)
    board = cast.board(study)
    approvals = [standing.approval or 0 for standing in board.standings]
    assert approvals == sorted(approvals, reverse=True)
    assert [standing.contender for standing in board.standings if standing.control] == ["control"]


def test_a_contender_entered_twice_stands_twice_and_changes_no_other(study: Study) -> None:
    crowd(study, 400)
    before = cast.board(study)
    twin = Contender.objects.create(study=study, name="net.fc6-twin:l2")
    for nomination in Nomination.objects.filter(contender__study=study, contender__name=cast.FC6):
        Nomination.objects.create(pair=nomination.pair, contender=twin, rank=nomination.rank)
    after = cast.board(study)
    one, other = line(after, cast.FC6), line(after, twin.name)
    assert (one.approval, one.low, one.high, one.votes) == (other.approval, other.low, other.high, other.votes)
    duel = cast.duels(study).duel_of(cast.FC6, twin.name)
    assert (duel.difference, duel.low, duel.high, duel.votes, duel.same) == (0.0, 0.0, 0.0, 0, 40)
    for standing in before.standings:
        same = line(after, standing.contender)
        assert (same.approval, same.low, same.high) == pytest.approx(
            (standing.approval, standing.low, standing.high), rel=1e-9
        )


def test_a_study_of_one_contender_has_no_winner() -> None:
    lonely = cast.open_study("lonely")
    Contender.objects.filter(study=lonely).exclude(name=cast.FC6).delete()
    crowd(lonely, 100)
    board = cast.board(lonely)
    assert len(board.standings) == 1
    assert board.decision.winner is None


def test_a_study_whose_pairs_are_not_computed_has_an_empty_board() -> None:
    draft = cast.ready_study("draft")
    Pair.objects.filter(study=draft).delete()
    draft.queries.update(slots=0)
    board = cast.board(draft)
    assert {standing.approval for standing in board.standings} == {None}


def test_the_document_has_the_agreed_names(study: Study) -> None:
    document = cast.board(study).as_json()
    assert list(document)[:7] == ["study", "votes", "simulated", "voters", "credited_votes", "decision", "standings"]
    assert list(document["decision"])[:3] == ["state", "winner", "delta"]
    names = ["contender", "rank_best", "rank_worst", "approval", "low", "high", "votes", "control"]
    assert list(document["standings"][0])[:8] == names


def test_a_board_costs_as_many_statements_for_many_votes_as_for_few(study: Study) -> None:
    def statements() -> int:
        cast.answered_exposure(study, cast.ada())
        with CaptureQueriesContext(connection) as caught:
            cast.board(study)
        return len(caught)

    crowd(study, 40)
    statements()
    before = statements()
    crowd(study, 400)
    cast.board(study)
    assert statements() == before
