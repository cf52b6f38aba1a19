"""The sums of one study while votes are added to them: a book that is read from rows, changed and written back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from evalapp.leaderboard.models import BoardBatch, BoardState, BoardVoter
from evalapp.leaderboard.queries import Fact, first_choices
from evalapp.leaderboard.services.sums.codec import (
    pack_arrays,
    pack_evidence,
    pack_ids,
    pack_voter,
    unpack_array,
    unpack_batch,
    unpack_evidence,
    unpack_ids,
    unpack_voter,
)
from evalapp.stats.decision import LEADS_FROM
from evalapp.stats.sums.contender_sums import Evidence, FloatArray, VoterSums, add_portion, credits_of
from evalapp.stats.sums.epochs import Batch, own_weights
from evalapp.stats.sums.vote_baselines import VOTER_PRIOR, baselines_of_votes, shrunk_means
from evalapp.stats.sums.voter_histories import Histories, before_each, known_before, remember_votes
from evalapp.stats.voter_honesty import chance_honest
from evalapp.voting.domain.verdicts import WORTH

Ids = NDArray[np.int64]
NO_IDS: Ids = np.zeros(0, dtype=np.int64)


@dataclass(slots=True)
class Book:
    """A study's sums in memory. `queries` [2, positions] votes and likes; `raw` [2, M] likes and mass of all votes."""

    state: BoardState
    contenders: list[int]
    shown: int
    evidence: Evidence
    queries: FloatArray
    raw: FloatArray
    margin: float
    leaders: list[tuple[int, int]]
    batches: dict[int, Batch] = field(default_factory=dict)

    @classmethod
    def open_state(cls, state: BoardState, shown_queries: int) -> Book:
        """The book of a state; `shown_queries` is Q, the number of queries with pairs."""
        evidence = unpack_evidence(state.evidence, len(state.contenders), state.eras)
        queries, raw = unpack_array(state.queries).reshape(2, -1), unpack_array(state.raw).reshape(2, -1)
        rows = BoardBatch.objects.filter(study=state.study_id, leader__gte=0, votes__gte=LEADS_FROM).order_by("version")
        leaders = list(rows.values_list("version", "leader"))
        return cls(state, list(state.contenders), shown_queries, evidence, queries, raw, state.study.margin, leaders)

    def without_votes(self) -> Book:
        """The same study's book without any vote."""
        none = Evidence.before_votes(
            len(self.contenders), self.evidence.eras, self.evidence.entered.astype(int).tolist()
        )
        queries, raw = np.zeros_like(self.queries), np.zeros_like(self.raw)
        return replace(self, evidence=none, queries=queries, raw=raw)

    def leaders_until(self, version: int | None = None) -> tuple[int, ...]:
        """Contenders that have led up to this design version (None: up to now), in the order of first leading."""
        known = (place for number, place in self.leaders if version is None or number <= version)
        return tuple(dict.fromkeys(known))

    def close(self) -> None:
        """Write the sums into the row, which the caller saves."""
        state = self.state
        state.evidence = pack_evidence(self.evidence)
        state.queries, state.raw = pack_arrays(self.queries), pack_arrays(self.raw)

    def batch_of(self, version: int) -> Batch:
        """What was fixed before the votes of this version came."""
        if version not in self.batches:
            row = BoardBatch.objects.get(study=self.state.study_id, version=version)
            self.batches[version] = unpack_batch(row, len(self.contenders), self.leaders_until(version), self.margin)
        return self.batches[version]


@dataclass(slots=True)
class Voters:
    """The rows of the voters at hand, and which of their votes are in the sums.

    `seen` [V, M] is what their votes so far tell of each contender, Σ 1_i (y - m) / Q (see `credits_of`).
    """

    ids: list[UUID]
    rows: VoterSums
    histories: Histories
    seen: FloatArray
    counted: list[Ids]
    aside: list[Ids]

    @classmethod
    def without_rows(cls, book: Book, ids: Sequence[UUID]) -> Voters:
        """Sums of voters without votes."""
        count, contenders = len(ids), len(book.contenders)
        rows = VoterSums.zeros_for(count, contenders, book.evidence.eras)
        seen = np.zeros((count, contenders))
        return cls(list(ids), rows, Histories.without_votes(count), seen, [NO_IDS] * count, [NO_IDS] * count)

    @classmethod
    def read_rows(cls, book: Book, ids: Sequence[UUID]) -> Voters:
        """Read in one query; whoever has no row yet has not voted."""
        stored = cls.without_rows(book, ids)
        row_of = {voter: index for index, voter in enumerate(ids)}
        for row in BoardVoter.objects.filter(study=book.state.study_id, voter__in=ids):
            index = row_of[row.voter_id]
            unpack_voter(row.numbers, stored.rows, stored.histories, index, stored.seen)
            stored.counted[index], stored.aside[index] = unpack_ids(row.votes)
        return stored

    def save(self, book: Book) -> None:
        """Write all of them in one statement."""
        BoardVoter.objects.bulk_create(
            [
                BoardVoter(
                    study_id=book.state.study_id,
                    voter_id=voter,
                    numbers=pack_voter(self.rows, self.histories, self.seen, row),
                    votes=pack_ids(self.counted[row], self.aside[row]),
                )
                for row, voter in enumerate(self.ids)
            ],
            update_conflicts=True,
            unique_fields=["study", "voter"],
            update_fields=["numbers", "votes"],
        )

    def forget_votes(self, rows: Sequence[int]) -> None:
        """Rows of voters as if they had never voted."""
        for holder in (self.rows, self.histories):
            for one in fields(holder):
                getattr(holder, one.name)[list(rows)] = 0.0
        self.seen[list(rows)] = 0.0
        for row in rows:
            self.counted[row] = self.aside[row] = NO_IDS


def post(book: Book, voters: Voters, facts: Sequence[Fact], sign: float = 1.0) -> None:
    """Add verdicts that count, in the order of their ids, to the book and to their voters; sign -1 takes them back.

    What is known of a voter before each vote follows from the voter's history and the votes before it among `facts`.
    """
    if not facts:
        return
    row_of = {voter: index for index, voter in enumerate(voters.ids)}
    voter_rows = np.array([row_of[fact.voter] for fact in facts])
    answers = np.array([WORTH[fact.verdict] for fact in facts])
    gold = np.array([int(fact.verdict == fact.expected) if fact.is_gold else -1 for fact in facts], dtype=np.int8)
    hands = _group_numbers(facts)
    history = known_before(voters.histories, voter_rows, answers, gold, hands)
    trust = chance_honest(history.gold_right.astype(np.int64), history.gold_wrong.astype(np.int64))
    members, positions = _members_of_facts(book, facts), np.array([fact.position for fact in facts])
    versions = np.array([fact.version for fact in facts])
    batches = {int(version): book.batch_of(int(version)) for version in np.unique(versions)}
    expected = np.zeros(len(facts))
    for version, batch in batches.items():
        rows = np.flatnonzero(versions == version)
        means = shrunk_means(history.liked[rows], history.votes[rows], batch.mean, VOTER_PRIOR)
        expected[rows] = baselines_of_votes(batch.mean, means, _query_means(batch, positions[rows]))
    # Nobody is shown a pair twice: what was answered before is part of what each draw from the rest stands for.
    tells = np.where(gold[:, None] < 0, members * (answers - expected)[:, None] / book.shown, 0.0)
    earlier = voters.seen[voter_rows] + before_each(voter_rows, tells, hands)
    before = voters.histories.votes > 0
    for version, batch in batches.items():
        rows = np.flatnonzero((versions == version) & (gold < 0))
        if not len(rows):
            continue
        weights = 1.0 / (book.shown * np.array([facts[k].propensity for k in rows.tolist()]))
        together = None if hands is None else hands[rows]
        ready = credits_of(
            voter_rows[rows],
            members[rows],
            weights,
            trust[rows],
            answers[rows],
            expected[rows],
            together,
            earlier[rows],
        )
        add_portion(book.evidence, voters.rows, batch, ready, sign)
        np.add.at(book.queries[0], positions[rows], sign)
        np.add.at(book.queries[1], positions[rows], sign * answers[rows])
        post_raw(book, batch, members[rows], weights, answers[rows], sign)
    np.add.at(voters.seen, voter_rows, sign * tells)
    remember_votes(voters.histories, voter_rows, answers, gold, sign)
    book.state.simulated += int(sign) * sum(fact.simulated and not fact.is_gold for fact in facts)
    after = voters.histories.votes > 0.5
    book.evidence.voters += float(after.sum()) - float(before.sum())


def post_aside(book: Book, facts: Sequence[Fact], sign: float = 1.0) -> None:
    """Add verdicts that were set aside to the raw sums, which hold all votes."""
    plain_facts = [fact for fact in facts if not fact.is_gold]
    members = _members_of_facts(book, plain_facts)
    for version in sorted({fact.version for fact in plain_facts}):
        rows = [k for k, fact in enumerate(plain_facts) if fact.version == version]
        weights = 1.0 / (book.shown * np.array([plain_facts[k].propensity for k in rows]))
        answers = np.array([WORTH[plain_facts[k].verdict] for k in rows])
        post_raw(book, book.batch_of(version), members[rows], weights, answers, sign)


def post_raw(
    book: Book,
    batch: Batch,
    members: NDArray[np.bool_],
    weights: FloatArray,
    answers: FloatArray,
    sign: float,
) -> None:
    """Likes and mass of every vote at full weight, whoever cast it."""
    own = sign * own_weights(batch)
    book.raw[0] += own * ((weights * answers) @ members)
    book.raw[1] += own * (weights @ members)


def _members_of_facts(book: Book, facts: Sequence[Fact]) -> NDArray[np.bool_]:
    column = {contender: place for place, contender in enumerate(book.contenders)}
    firsts = first_choices(fact.pair for fact in facts)
    members = np.zeros((len(facts), len(column)), dtype=bool)
    for row, fact in enumerate(facts):
        # A pair that nobody puts first any more is credited to nobody.
        members[row, [column[contender] for contender in firsts.get(fact.pair, ()) if contender in column]] = True
    return members


def _query_means(batch: Batch, positions: NDArray[np.int64]) -> FloatArray | float:
    return batch.mean if batch.query_means is None else batch.query_means[positions]


def _group_numbers(facts: Sequence[Fact]) -> NDArray[np.intp] | None:
    """Numbers of what was shown together; None where every pair was shown alone."""
    if not any(fact.group for fact in facts):
        return None
    names: dict[object, int] = {}
    numbers = [names.setdefault(fact.group or fact.vote, len(names)) for fact in facts]
    return np.array(numbers, dtype=np.intp)
