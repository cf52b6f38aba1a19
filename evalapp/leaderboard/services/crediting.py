"""Bringing the sums up to date: votes that are new, and votes that were taken back, set aside or put back."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import numpy as np
from django.db import transaction
from django.utils import timezone

from evalapp.leaderboard.models import BoardBatch, BoardState, BoardVoter
from evalapp.leaderboard.queries import (
    Fact,
    corrected_voters,
    facts_after,
    facts_of_voters,
    horizon_of,
    racing_of,
)
from evalapp.leaderboard.services.entering import admit, begin_sums
from evalapp.leaderboard.services.ledger import Book, Voters, post, post_aside
from evalapp.leaderboard.services.numbers import DELTA
from evalapp.stats.batches import units
from evalapp.stats.evidence import FloatArray
from evalapp.stats.inference import verdict
from evalapp.studies.models import Contender, Query, Study, StudyMode
from evalapp.voting.models import Vote
from evalapp.webhooks.events import WINNER_DECIDED
from evalapp.webhooks.services import announce

PORTION = 2_000
"""Votes that are added in one transaction."""


def update_sums(study: Study, most: int | None = None) -> BoardState | None:
    """Add what is new to the study's sums, at most so many votes; None while nobody has voted.

    The cost depends on what is new, not on what is stored. Whoever comes while another adds gets the sums as they are.
    """
    cursor: int | None = None
    added = 0
    while most is None or added < most:
        with transaction.atomic():
            state = _locked(study)
            if state is None:
                return BoardState.objects.filter(study=study).first()
            cursor, count = _take_portion(study, state, cursor)
        added += count
        if count < PORTION:
            break
    return BoardState.objects.get(study=study)


def rebuild_sums(study: Study) -> BoardState | None:
    """Forget the sums and add all votes again; what the designs fixed beforehand stays."""
    with transaction.atomic():
        BoardVoter.objects.filter(study=study).delete()
        BoardState.objects.filter(study=study).delete()
    return update_sums(study)


def _locked(study: Study) -> BoardState | None:
    rows = BoardState.objects.filter(study=study)
    if not rows.exists():
        if not Vote.objects.filter(study=study).exists():
            return None
        begin_sums(study)
    elif rows.exclude(contenders=_everybody(study)).exists():
        admit(study)
    return rows.select_for_update(skip_locked=True).first()


def _take_portion(study: Study, state: BoardState, cursor: int | None) -> tuple[int, int]:
    """Add one portion of votes behind `cursor`; where it ended and how many votes were looked at."""
    horizon = horizon_of(study)
    start = state.settled_vote if cursor is None else cursor
    facts = facts_after(study, start, PORTION)
    corrected = corrected_voters(study, state.settled_correction)
    if facts or corrected:
        book = open_book(study, state)
        _add(study, book, facts, corrected)
        book.close()
        _decide(state, book, bool(corrected))
    end = facts[-1].vote if facts else start
    if len(facts) < PORTION:
        _settle(state, horizon.oldest, (horizon.vote, horizon.correction, horizon.next))
    state.updated_at = timezone.now()
    state.save()
    return end, len(facts)


def _everybody(study: Study) -> list[int]:
    return list(study.contenders.order_by("pk").values_list("pk", flat=True))


def open_book(study: Study, state: BoardState) -> Book:
    """The study's sums in memory."""
    shown = Query.objects.filter(study=study, slots__gt=0).count()
    return Book.opened(state, shown)


def _settle(state: BoardState, oldest: int, mark: tuple[int, int, int]) -> None:
    """A vote with a lower id than the newest may still be on its way: what was marked once is settled when every
    transaction that ran at that moment has ended."""
    if state.marked_xid is not None and oldest >= state.marked_xid:
        state.settled_vote = max(state.settled_vote, state.marked_vote)
        state.settled_correction = max(state.settled_correction, state.marked_correction)
        state.marked_xid = None
    if state.marked_xid is None:
        state.marked_vote, state.marked_correction, state.marked_xid = mark


def _add(study: Study, book: Book, facts: Sequence[Fact], corrected: set[UUID]) -> None:
    ids = sorted({one.voter for one in facts} | corrected)
    voters = Voters.of(book, ids)
    place = {one: index for index, one in enumerate(ids)}
    known = [set(a.tolist()) | set(b.tolist()) for a, b in zip(voters.counted, voters.aside, strict=True)]
    fresh = [one for one in facts if one.vote not in known[place[one.voter]]]
    again = corrected | _out_of_order(fresh, known, place, in_groups=study.mode != StudyMode.SWIPE)
    plain = [one for one in fresh if one.voter not in again]
    if again:
        _recount(study, book, voters, [place[one] for one in again])
    _enter(book, voters, plain, place)
    touched = again | {one.voter for one in plain}
    if touched:
        voters.save(book)


def _out_of_order(
    fresh: Sequence[Fact], known: Sequence[set[int]], place: dict[UUID, int], *, in_groups: bool
) -> set[UUID]:
    """Voters with a vote that came in behind a later one, whose history is therefore another; and those who judge
    several pairs at once, since the parts of an answer may come one by one."""
    latest = [max(ids, default=0) for ids in known]
    return {one.voter for one in fresh if latest[place[one.voter]] > (0 if in_groups else one.vote)}


def _recount(study: Study, book: Book, voters: Voters, places: Sequence[int]) -> None:
    """Take back all that is in the sums of these voters and add what counts now."""
    place = {one: index for index, one in enumerate(voters.ids)}
    mine = facts_of_voters(study, [voters.ids[here] for here in places])
    counted = {here: set(voters.counted[here].tolist()) for here in places}
    aside = {here: set(voters.aside[here].tolist()) for here in places}
    book.evidence.voters -= float((voters.histories.votes[list(places)] > 0).sum())
    _take_back(book, voters, [one for one in mine if one.vote in counted[place[one.voter]]], places)
    post_aside(book, [one for one in mine if one.vote in aside[place[one.voter]]], -1.0)
    voters.forget(places)
    _enter(book, voters, mine, place)


def _take_back(book: Book, voters: Voters, facts: Sequence[Fact], places: Sequence[int]) -> None:
    """The votes' contributions depend on what was known before each of them: they are worked out from the start."""
    histories = voters.histories
    for name in ("votes", "liked", "gold_right", "gold_wrong"):
        getattr(histories, name)[list(places)] = 0.0
    post(book, voters, facts, -1.0)


def _enter(book: Book, voters: Voters, facts: Sequence[Fact], place: dict[UUID, int]) -> None:
    counted = [one for one in facts if one.counted]
    aside = [one for one in facts if one.is_aside]
    post(book, voters, counted)
    post_aside(book, aside)
    for rows, lists in ((counted, voters.counted), (aside, voters.aside)):
        new: dict[int, list[int]] = {}
        for one in rows:
            new.setdefault(place[one.voter], []).append(one.vote)
        for here, votes in new.items():
            lists[here] = np.union1d(lists[here], votes).astype(np.int64)


def _decide(state: BoardState, book: Book, corrected: bool) -> None:
    """A winner once declared stays declared, as it may, unless votes that spoke for it have been taken out since, or it
    was archived. Like one that entered late, a contender that returns changes nothing about what was decided."""
    racing = racing_of(book.contenders)
    found = verdict(book.evidence, units_of(book), DELTA, racing)
    if state.winner_id is not None and not racing[book.contenders.index(state.winner_id)]:
        state.winner_id = state.decided_votes = None
    if found.winner >= 0 and state.winner_id is None:
        state.winner_id = book.contenders[found.winner]
        state.decided_votes = round(book.evidence.votes)
        winner = Contender.objects.select_related("study").get(pk=state.winner_id)
        facts = {"study": winner.study.slug, "winner": winner.name, "delta": DELTA, "votes": state.decided_votes}
        announce(WINNER_DECIDED, facts)
    elif found.winner < 0 and corrected:
        state.winner_id = state.decided_votes = None


def units_of(book: Book) -> FloatArray:
    """The scale of differences, fixed by the first batch in which both contenders took part."""
    scale = np.zeros((len(book.contenders),) * 2)
    firsts = BoardBatch.objects.filter(study=book.state.study_id).order_by("era", "version").distinct("era")
    for version in firsts.values_list("version", flat=True):
        scale = np.where(scale > 0, scale, units(book.batch(version)))
    return scale
