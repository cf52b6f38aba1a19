"""What everybody but operators reads of an open study: boards published in steps of many votes of many people."""

from __future__ import annotations

from dataclasses import asdict

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from evalapp.leaderboard.domain.coarse_documents import (
    coarse_board,
    coarse_count,
    coarse_duels,
    coarse_report,
    read_board,
    read_duels,
)
from evalapp.leaderboard.domain.publication_steps import jitter_of
from evalapp.leaderboard.domain.results import (
    DELTA,
    Board,
    Decision,
    Duel,
    HeadToHead,
    Sampling,
    SetAside,
    Standing,
)
from evalapp.leaderboard.models import PublishedBoard, Report
from evalapp.leaderboard.queries import agreement_of, contenders_of, newest_published, step_since
from evalapp.leaderboard.services.board import board_of, head_to_head, stored_sums_of
from evalapp.leaderboard.services.forecast import stored_acceptances
from evalapp.leaderboard.services.sums.accumulate import update_sums
from evalapp.studies.models import Study
from evalapp.voting.models import Vote
from evalapp.webhooks.domain.event_names import WINNER_DECIDED
from evalapp.webhooks.services import announce


def publish_if_due(study: Study) -> PublishedBoard | None:
    """Cut the next board where enough has come for a step, or publish the one that was cut once enough has come after
    it; whatever was published now.

    Between the two others have voted, so that nobody's vote decides both what is in a step and when it is read. A study
    that was closed is published whole: should it be opened again, people know that board.
    """
    # Read before the sums: what comes between the two counts towards the next step and is in this one.
    cut_vote = _newest_vote(study)
    update_sums(study)
    with transaction.atomic():
        # Of two workers one publishes.
        now = Study.objects.select_for_update(no_key=True).get(pk=study.pk)
        newest = (
            PublishedBoard.objects.filter(study=study)
            .order_by("-pk")
            .only("cut_vote", "cut_votes", "published_at")
            .first()
        )
        if not now.is_open:
            return (
                _publish_cut(_cut_board(study, cut_vote)) if newest is None or _has_moved_on(newest, cut_vote) else None
            )
        if newest is not None and newest.published_at is None:
            return _publish_cut(newest) if step_since(study, newest.cut_vote).hides_the_cut else None
        last_vote, last_votes = (newest.cut_vote, newest.cut_votes) if newest else (0, 0)
        jitter = jitter_of(settings.SECRET_KEY, study.pk, last_vote)
        if step_since(study, last_vote).may_be_cut(last_votes, jitter):
            _cut_board(study, cut_vote)
        return None


def _has_moved_on(newest: PublishedBoard, newest_vote: int) -> bool:
    return newest.published_at is None or newest.cut_vote < newest_vote


def _newest_vote(study: Study) -> int:
    return Vote.objects.filter(study=study).order_by("-pk").values_list("pk", flat=True).first() or 0


def _cut_board(study: Study, cut_vote: int) -> PublishedBoard:
    sums = stored_sums_of(study)
    board = board_of(study, sums)
    report = Report.objects.filter(study=study).values_list("document", flat=True).first() or {}
    return PublishedBoard.objects.create(
        study=study,
        cut_vote=cut_vote,
        cut_votes=board.votes,
        method_version=board.method,
        document=coarse_board(board.as_json()),
        duels=coarse_duels(asdict(head_to_head(study, sums))),
        report=coarse_report({**report, "acceptances": stored_acceptances(study, sums, board)}),
    )


def _publish_cut(cut: PublishedBoard) -> PublishedBoard:
    # To the minute: nobody needs to know the second in which a step ended.
    cut.published_at = timezone.now().replace(second=0, microsecond=0)
    cut.save(update_fields=["published_at"])
    Study.objects.filter(pk=cut.study_id).update(published_votes=coarse_count(cut.cut_votes))
    _announce_winner(cut)
    return cut


def _announce_winner(cut: PublishedBoard) -> None:
    """Tell those who may hear only what was published, once for a winner that the board before did not name."""
    rows = PublishedBoard.objects.filter(study=cut.study_id, pk__lt=cut.pk, published_at__isnull=False)
    before = rows.order_by("-pk").values_list("document__decision__winner", flat=True).first()
    now = read_board(cut.document).decision
    if now.winner is not None and now.winner != before:
        decision_facts = {"winner": now.winner, "kind": now.kind, "delta": now.delta, "votes": now.votes}
        announce(WINNER_DECIDED, {"study": cut.study.slug, **decision_facts}, is_live=False)


def board_as_published(study: Study, published: PublishedBoard | None = None) -> Board:
    """The standings that were published last; before the first step a board without votes."""
    newest = published or newest_published(study)
    return read_board(newest.document) if newest else _empty_board(study)


def duels_as_published(study: Study, published: PublishedBoard | None = None) -> HeadToHead:
    """Everybody against everybody, as published last."""
    newest = published or newest_published(study)
    return read_duels(newest.duels) if newest else _empty_duels(study)


def _empty_board(study: Study) -> Board:
    contenders = sorted(contenders_of(study), key=lambda contender: contender.name)
    racing = sum(contender.archived_at is None for contender in contenders)
    lines = tuple(
        Standing(
            contender=contender.name,
            rank_best=1 if contender.archived_at is None else None,
            rank_worst=racing if contender.archived_at is None else None,
            approval=None,
            low=0.0,
            high=1.0,
            votes=0,
            control=contender.is_control,
        )
        for contender in contenders
    )
    nothing = Decision(state="collecting", winner=None, delta=DELTA)
    return Board(
        study=study.slug, votes=0, simulated=0, voters=0, credited_votes=0, decision=nothing, standings=lines,
        sampling=Sampling("uniform", None), set_aside=SetAside(0, 0, {}),
    )  # fmt: skip


def _empty_duels(study: Study) -> HeadToHead:
    same, queries = agreement_of(study)
    names = [contender.name for contender in contenders_of(study)]
    order = sorted(range(len(names)), key=lambda i: names[i])

    def empty_duel(i: int, j: int) -> Duel | None:
        if i == j:
            return None
        return Duel(names[i], names[j], 0.0, -1.0, 1.0, 0.5, 0.0, 0, int(same[i, j]), queries)

    rows = tuple(tuple(empty_duel(i, j) for j in order) for i in order)
    return HeadToHead(tuple(names[i] for i in order), rows)
