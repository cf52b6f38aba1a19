"""Answers of two indexes as one list."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from evalapp.core.domain.errors import Problem
from evalapp.search.domain.lookup_params import LookupParams
from evalapp.search.domain.question_token import Question, Shown
from evalapp.search.models import SearchIndex
from evalapp.search.queries.attribute_search import Features
from evalapp.search.queries.lookups import Result, by_attributes, look_up
from evalapp.search.services.live_tests import note_mixed, open_test_of
from evalapp.stats.interleaving import team_draft

_DRAFTS = 50
_TEAMS = {"a": 1, "b": 2}


def answer_lookup(
    index: SearchIndex, params: LookupParams, blob: bytes = b"", *, is_testable: bool = True
) -> tuple[Result, Question, bool]:
    """The answers, the question that feedback refers to, and whether they are mixed.

    In a live test the answers of both indexes are mixed by team draft. Where the other one does not answer, there is no
    test for this visitor.
    """
    result = look_up(index, params, blob)
    kind = params.kind if result.by == "vectors" else "attributes"
    is_testable = is_testable and result.by == "vectors" and not params.like and not params.unlike
    test = open_test_of(index) if is_testable else None
    if test is not None:
        try:
            other = look_up(test.second, replace(params, index=test.second.slug, metric=""), blob, fall_back=False)
        except Problem:
            other = None
        if other is not None:
            rows = {one.item.pk: one for one in (*other.answers, *result.answers)}
            ranked = [[one.item.pk for one in way.answers] for way in (result, other)]
            shown = _mix_answers(ranked[0], ranked[1], params.k)
            token = note_mixed(index, test, kind, params.item, shown)
            question = Question(index.pk, kind, [], params.item, result.generation, test.pk, token)
            return replace(result, answers=[rows[one.item] for one in shown], guess=None), question, True
    return result, _plain_question(index, kind, params, result), False


def _mix_answers(first: Sequence[int], second: Sequence[int], count: int) -> list[Shown]:
    """The mixed list; of every item with the share of drafts in which it is shown at all."""
    chance = np.random.default_rng()
    times: Counter[object] = Counter()
    for _ in range(_DRAFTS):
        times.update(one.item for one in team_draft(first, second, count, chance))
    drafted = team_draft(first, second, count, chance)
    # One draft more: what is shown now was not impossible.
    shares = {one.item: (times[one.item] + 1) / (_DRAFTS + 1) for one in drafted}
    numbers: dict[object, int] = {item: item for item in (*first, *second)}
    return [Shown(numbers[one.item], None, round(shares[one.item], 4), _TEAMS[one.team]) for one in drafted]


def answer_by_attributes(
    index: SearchIndex, params: LookupParams, features: Features | None = None
) -> tuple[Result, Question]:
    """The same by attributes alone."""
    result = by_attributes(index, params, features)
    return result, _plain_question(index, "attributes", params, result)


def _plain_question(index: SearchIndex, kind: str, params: LookupParams, result: Result) -> Question:
    shown = [Shown(one.item.pk, round(one.distance, 6)) for one in result.answers]
    return Question(index.pk, kind, shown, params.item, result.generation)
