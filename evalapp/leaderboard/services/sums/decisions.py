"""When a winner is declared, what is remembered of it, and when it is taken back.

What the bars' evidence has once shown is kept with the vote at which it did (`BoardState.marks`), apart from the sums:
adding them anew, entries, archived contenders and corrections of later votes change nothing about it. Only where a vote
up to such a moment is taken out is that moment looked at again.

Votes of a simulated crowd are a rehearsal: as long as some of them count, nobody is declared, unless the study says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from uuid import UUID

import numpy as np

from evalapp.leaderboard.domain.results import DELTA
from evalapp.leaderboard.models import BoardBatch, BoardState, BoardVoter
from evalapp.leaderboard.queries import Fact, facts_after, racing_of
from evalapp.leaderboard.services.sums.codec import unpack_voter
from evalapp.leaderboard.services.sums.stored_sums import Book, Voters, post
from evalapp.stats.decision import (
    Flags,
    Look,
    Record,
    Votes,
    draw_conclusion,
    evidence_bars,
    jackknife_variances,
    look_at,
)
from evalapp.stats.sums.contender_sums import FloatArray, VoterSums
from evalapp.stats.sums.epochs import difference_units
from evalapp.stats.sums.voter_histories import Histories
from evalapp.studies.models import Contender, Study
from evalapp.voting.models import Vote
from evalapp.webhooks.domain.event_names import WINNER_DECIDED
from evalapp.webhooks.services import announce

_PORTION = 5_000
_RACING = "racing"


def units_of(book: Book) -> FloatArray:
    """The scale of differences, fixed by the first batch in which both contenders took part; nan before one."""
    scale = np.full((len(book.contenders),) * 2, np.nan)
    firsts = BoardBatch.objects.filter(study=book.state.study_id).order_by("era", "version").distinct("era")
    for version in firsts.values_list("version", flat=True):
        scale = np.where(np.isnan(scale), difference_units(book.batch_of(version)), scale)
    return scale


def record_of(state: BoardState, contenders: Sequence[int]) -> Record:
    """The marks, as arrays over these contenders."""
    position_of = {str(pk): position for position, pk in enumerate(contenders)}
    record = Record.nothing_reached(len(contenders))
    for mark in fields(Record):
        noted_votes: Votes = getattr(record, mark.name)
        for pk, vote in state.marks.get(mark.name, {}).items():
            if pk not in position_of:
                continue
            if isinstance(vote, dict):
                for other, when in vote.items():
                    if other in position_of:
                        noted_votes[position_of[pk], position_of[other]] = when
            else:
                noted_votes[position_of[pk]] = vote
    return record


def look_now(book: Book, racing: Flags, scale: FloatArray, record: Record | None = None) -> Look:
    """The evidence of the sums. The voters' rows are read only where a guard is about to be passed."""
    look = look_at(book.evidence, scale, racing=racing, led=book.leaders_until(), margin=book.margin)
    bar, _ = evidence_bars(DELTA, book.margin)
    about = (look.guards >= bar) & ((record.guards == 0) if record else True)
    if not about.any():
        return look
    rows = _rows_of(book)
    variances = jackknife_variances(rows.guard, rows.stake)
    return look_at(
        book.evidence, scale, racing=racing, variances=variances, led=book.leaders_until(), margin=book.margin
    )


def note_and_decide(state: BoardState, book: Book, vote: int) -> None:
    """Note what the sums show now, `vote` being the last vote in them, and declare the winner if there is none yet.

    A winner that was archived is none any more. What was shown by bets on a leader that has been archived since is
    asked again without them; a contender that returns, or enters, changes nothing about what was shown.
    """
    racing, scale = racing_of(book.contenders), units_of(book)
    record = record_of(state, book.contenders)
    gone = np.isin(book.contenders, state.marks.get(_RACING, book.contenders)) & ~racing
    if np.abs(book.evidence.log_led[:, gone]).any() or np.abs(book.evidence.log_open[:, gone]).any():
        record.stops[:] = record.guards[:] = 0
    if state.winner_id is not None and not racing[book.contenders.index(state.winner_id)]:
        _withdraw_winner(state)
    if state.winner_id is not None and _was_rehearsed(state):
        _withdraw_winner(state)
    if book.evidence.votes:
        record.note_look(look_now(book, racing, scale, record), vote, DELTA, book.margin)
    _keep_marks(state, book, record, racing)
    conclusion = draw_conclusion(record, scale, racing, book.margin)
    if state.winner_id is None and conclusion.winner >= 0 and not is_rehearsal(state):
        state.winner_id = book.contenders[conclusion.winner]
        state.decided_kind, state.decided_vote = conclusion.kind or "", vote
        state.decided_votes = round(book.evidence.votes)
        winner = Contender.objects.select_related("study").get(pk=state.winner_id)
        announcement = {"study": winner.study.slug, "winner": winner.name, "kind": conclusion.kind, "delta": DELTA}
        announcement |= {"votes": state.decided_votes, "simulated": state.simulated}
        announce(WINNER_DECIDED, announcement, is_live=True)


def is_rehearsal(state: BoardState) -> bool:
    """Whether a simulated crowd's votes are in the sums, and nobody said that they may decide."""
    return state.simulated > 0 and not state.study.simulated_decide


def _was_rehearsed(state: BoardState) -> bool:
    """Whether the declared winner rests on a simulated crowd's votes that may not decide."""
    if not is_rehearsal(state):
        return False
    rows = Vote.objects.filter(study=state.study_id, simulated=True, counted=True, pk__lte=state.decided_vote or 0)
    return rows.exists()


def review_moments(study: Study, state: BoardState, book: Book, doubt: int) -> None:
    """A vote with the id `doubt` counts no more: look again at every moment from it on at which something was shown,
    with the votes up to there that still count; what they do not show is forgotten, and a winner with it."""
    record, racing, scale = record_of(state, book.contenders), racing_of(book.contenders), units_of(book)
    noted_votes: list[Votes] = [getattr(record, mark.name) for mark in fields(Record)]
    moments = sorted({int(vote) for votes in noted_votes for vote in np.unique(votes) if vote >= doubt})
    if not moments:
        return
    best, near = evidence_bars(DELTA, book.margin)
    again, voters, cursor = book.without_votes(), Voters.without_rows(book, _voters_of(book)), 0
    simulated = state.simulated
    for moment in moments:
        cursor = _replay_votes(study, again, voters, cursor, moment)
        variances = jackknife_variances(voters.rows.guard, voters.rows.stake)
        look = look_at(
            again.evidence, scale, racing=racing, variances=variances, led=book.leaders_until(), margin=book.margin
        )
        shown = (look.stops >= best, look.guards >= best, look.near >= near, look.near_guards >= near)
        for votes, still in zip(noted_votes, shown, strict=True):
            votes[(votes == moment) & ~still] = 0
    state.simulated = simulated
    _keep_marks(state, book, record, racing)
    if state.winner_id is None or doubt > (state.decided_vote or 0):
        return
    for votes in noted_votes:
        votes[votes > (state.decided_vote or 0)] = 0
    if draw_conclusion(record, scale, racing, book.margin).winner < 0:
        _withdraw_winner(state)


def _replay_votes(study: Study, book: Book, voters: Voters, after: int, upto: int) -> int:
    """Post the votes with ids in (after, upto] that count; the last id there was."""
    voter_ids = set(voters.ids)
    while after < upto:
        facts = facts_after(study, after, _PORTION)
        facts_until = [one for one in facts if one.vote <= upto]
        counted: list[Fact] = [one for one in facts_until if one.counted and one.voter in voter_ids]
        post(book, voters, counted)
        if len(facts_until) < _PORTION:
            return upto
        after = facts_until[-1].vote
    return after


def _voters_of(book: Book) -> list[UUID]:
    return list(BoardVoter.objects.filter(study=book.state.study_id).values_list("voter", flat=True))


def _rows_of(book: Book) -> VoterSums:
    packed = list(BoardVoter.objects.filter(study=book.state.study_id).values_list("numbers", flat=True))
    rows = VoterSums.zeros_for(len(packed), len(book.contenders), book.evidence.eras)
    histories = Histories.without_votes(len(packed))
    for row, numbers in enumerate(packed):
        unpack_voter(numbers, rows, histories, row)
    return rows


def _keep_marks(state: BoardState, book: Book, record: Record, racing: Flags) -> None:
    names = [str(pk) for pk in book.contenders]
    marks: dict[str, object] = {_RACING: [pk for pk, runs in zip(book.contenders, racing, strict=True) if runs]}
    for mark in fields(Record):
        noted_votes: Votes = getattr(record, mark.name)
        if noted_votes.ndim == 1:
            marks[mark.name] = {names[i]: int(noted_votes[i]) for i in np.flatnonzero(noted_votes)}
        else:
            lines = {i: np.flatnonzero(noted_votes[i]) for i in np.flatnonzero(noted_votes.any(axis=1))}
            marks[mark.name] = {
                names[i]: {names[j]: int(noted_votes[i, j]) for j in columns} for i, columns in lines.items()
            }
    state.marks = marks


def _withdraw_winner(state: BoardState) -> None:
    state.winner_id = state.decided_votes = state.decided_vote = None
    state.decided_kind = ""
