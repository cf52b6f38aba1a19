"""Bringing the sums up to date: votes that are new, and votes that were taken back, set aside or put back."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import numpy as np
from django.db import transaction
from django.db.models import Min
from django.utils import timezone

from evalapp.leaderboard.models import BoardState
from evalapp.leaderboard.queries import (
    Fact,
    corrected_voters,
    facts_after,
    facts_of_voters,
    horizon_of,
    racing_ids,
)
from evalapp.leaderboard.services.sums.codec import FORMAT
from evalapp.leaderboard.services.sums.decisions import note_and_decide, review_moments
from evalapp.leaderboard.services.sums.late_entrants import admit_contenders, begin_sums, clear_sums
from evalapp.leaderboard.services.sums.stored_sums import Book, Voters, post, post_aside
from evalapp.studies.models import Query, Study, StudyMode
from evalapp.voting.models import Correction, Vote

PORTION = 2_000
"""Votes that are added in one transaction."""


def update_sums(study: Study, *, waits: bool = True) -> BoardState | None:
    """Add what is new to the study's sums; None while nobody has voted.

    The cost depends on what is new, not on what is stored. While another process adds, this waits for it and adds the
    rest, so that every vote that was stored before the call is in. Without `waits` it takes the sums as they are: for
    work that comes again by the clock. Not to be called with the study's row locked: a design is published the other
    way round, and two that wait for each other end in an error.
    """
    cursor: int | None = None
    while True:
        with transaction.atomic():
            state = _lock_state(study, waits=waits)
            if state is None:
                return BoardState.objects.filter(study=study).first()
            cursor, count = _take_portion(study, state, cursor)
        if count < PORTION:
            return BoardState.objects.get(study=study)


def rebuild_sums(study: Study) -> BoardState | None:
    """Forget the sums and add all votes again; what the designs fixed beforehand stays, and so does the winner."""
    with transaction.atomic():
        state = _lock_state(study, waits=True)
        if state is not None:
            _forget_sums(study, state)
    return update_sums(study)


def _lock_state(study: Study, *, waits: bool) -> BoardState | None:
    """The row of the sums, in the present format and with room for everybody; None while nobody has voted, or where
    nobody waits, while another process adds."""
    rows = BoardState.objects.filter(study=study)
    if not rows.exists():
        if not Vote.objects.filter(study=study).exists():
            return None
        begin_sums(study)
    state = rows.select_for_update(skip_locked=not waits).first()
    if state is None:
        return None
    if state.contenders != _contender_ids(study):
        doubt = _first_taken_out(study, state)
        admit_contenders(study)
    elif state.format != FORMAT:
        doubt = _first_taken_out(study, state)
        clear_sums(study)
    else:
        return state
    state.refresh_from_db()
    if doubt:
        _add_and_review(study, state, doubt)
    return state


def _forget_sums(study: Study, state: BoardState) -> None:
    """Forget the sums, but first what corrections that are not in them yet say of the winner."""
    doubt = _first_taken_out(study, state)
    clear_sums(study)
    state.refresh_from_db()
    if doubt:
        _add_and_review(study, state, doubt)


def _add_and_review(study: Study, state: BoardState, doubt: int) -> None:
    review_moments(study, state, open_book(study, state), doubt)
    state.save()


def _first_taken_out(study: Study, state: BoardState) -> int | None:
    rows = Correction.objects.filter(study=study, pk__gt=state.settled_correction, counted=False)
    first: int | None = rows.aggregate(first=Min("vote"))["first"]
    return first


def _take_portion(study: Study, state: BoardState, cursor: int | None) -> tuple[int, int]:
    """Add one portion of votes behind `cursor`; where it ended and how many votes were looked at."""
    horizon = horizon_of(study)
    start = state.settled_vote if cursor is None else cursor
    facts = facts_after(study, start, PORTION)
    corrected = corrected_voters(study, state.settled_correction)
    end = facts[-1].vote if facts else start
    if facts or corrected:
        book = open_book(study, state)
        doubt = _post_changes(study, book, facts, corrected)
        book.close()
        if doubt:
            review_moments(study, state, book, doubt)
        # While sums are added anew, what they show on the way was looked at before.
        if end >= state.looked_vote:
            state.looked_vote = end
            note_and_decide(state, book, end)
    elif set(state.marks.get("racing", ())) != set(racing_ids(study)):
        note_and_decide(state, open_book(study, state), state.looked_vote)
    if len(facts) < PORTION:
        _settle_marks(state, horizon.oldest, (horizon.vote, horizon.correction, horizon.next))
    state.updated_at = timezone.now()
    state.save()
    return end, len(facts)


def _contender_ids(study: Study) -> list[int]:
    return list(study.contenders.order_by("pk").values_list("pk", flat=True))


def open_book(study: Study, state: BoardState) -> Book:
    """The study's sums in memory."""
    shown = Query.objects.filter(study=study, slots__gt=0).count()
    return Book.open_state(state, shown)


def _settle_marks(state: BoardState, oldest: int, mark: tuple[int, int, int]) -> None:
    """A vote with a lower id than the newest may still be on its way: what was marked once is settled when every
    transaction that ran at that moment has ended."""
    if state.marked_xid is not None and oldest >= state.marked_xid:
        state.settled_vote = max(state.settled_vote, state.marked_vote)
        state.settled_correction = max(state.settled_correction, state.marked_correction)
        state.marked_xid = None
    if state.marked_xid is None:
        state.marked_vote, state.marked_correction, state.marked_xid = mark


def _post_changes(study: Study, book: Book, facts: Sequence[Fact], corrected: set[UUID]) -> int | None:
    """Bring the sums up to these votes and corrections; the first vote that was in them and counts no more."""
    ids = sorted({fact.voter for fact in facts} | corrected)
    voters = Voters.read_rows(book, ids)
    row_of = {voter: index for index, voter in enumerate(ids)}
    known_votes = [set(a.tolist()) | set(b.tolist()) for a, b in zip(voters.counted, voters.aside, strict=True)]
    fresh = [fact for fact in facts if fact.vote not in known_votes[row_of[fact.voter]]]
    again = corrected | _out_of_order(fresh, known_votes, row_of, in_groups=study.mode != StudyMode.SWIPE)
    plain = [fact for fact in fresh if fact.voter not in again]
    doubt = _recount_voters(study, book, voters, [row_of[voter] for voter in again]) if again else None
    _enter_facts(book, voters, plain, row_of)
    touched = again | {fact.voter for fact in plain}
    if touched:
        voters.save(book)
    return doubt


def _out_of_order(
    fresh: Sequence[Fact], known_votes: Sequence[set[int]], row_of: dict[UUID, int], *, in_groups: bool
) -> set[UUID]:
    """Voters with a vote that came in behind a later one, whose history is therefore another; and those who judge
    several pairs at once, since the parts of an answer may come one by one."""
    latest = [max(ids, default=0) for ids in known_votes]
    return {fact.voter for fact in fresh if latest[row_of[fact.voter]] > (0 if in_groups else fact.vote)}


def _recount_voters(study: Study, book: Book, voters: Voters, rows: Sequence[int]) -> int | None:
    """Take back all that is in the sums of these voters and add what counts now; the first vote that counts no more."""
    row_of = {voter: index for index, voter in enumerate(voters.ids)}
    their_facts = facts_of_voters(study, [voters.ids[row] for row in rows])
    counted = {row: set(voters.counted[row].tolist()) for row in rows}
    aside = {row: set(voters.aside[row].tolist()) for row in rows}
    book.evidence.voters -= float((voters.histories.votes[list(rows)] > 0).sum())
    _take_back(book, voters, [fact for fact in their_facts if fact.vote in counted[row_of[fact.voter]]], rows)
    post_aside(book, [fact for fact in their_facts if fact.vote in aside[row_of[fact.voter]]], -1.0)
    voters.forget_votes(rows)
    _enter_facts(book, voters, their_facts, row_of)
    lost = [vote for row in rows for vote in counted[row] - set(voters.counted[row].tolist())]
    return min(lost, default=None)


def _take_back(book: Book, voters: Voters, facts: Sequence[Fact], rows: Sequence[int]) -> None:
    """The votes' contributions depend on what was known before each of them: they are worked out from the start."""
    histories = voters.histories
    for name in ("votes", "liked", "gold_right", "gold_wrong"):
        getattr(histories, name)[list(rows)] = 0.0
    voters.seen[list(rows)] = 0.0
    post(book, voters, facts, -1.0)


def _enter_facts(book: Book, voters: Voters, facts: Sequence[Fact], row_of: dict[UUID, int]) -> None:
    counted = [fact for fact in facts if fact.counted]
    aside = [fact for fact in facts if fact.is_aside]
    post(book, voters, counted)
    post_aside(book, aside)
    for kind_facts, lists in ((counted, voters.counted), (aside, voters.aside)):
        new_votes: dict[int, list[int]] = {}
        for fact in kind_facts:
            new_votes.setdefault(row_of[fact.voter], []).append(fact.vote)
        for row, votes in new_votes.items():
            lists[row] = np.union1d(lists[row], votes).astype(np.int64)
