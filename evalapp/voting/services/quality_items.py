"""The small shares of a deck that the design does not draw: pairs with a known answer, and delayed repeats."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

import numpy as np

from evalapp.studies.models import StudyMode
from evalapp.voting.domain.slates import Rules
from evalapp.voting.models import Answer, Exposure, ExposureKind, Voter
from evalapp.voting.queries.deck_reads import (
    DeckStudy,
    GoldPair,
    RepeatableVote,
    golds_of,
    pool_of,
    repeatable_votes,
    seen_among,
)

_REPEAT_AFTER = 10
"""What was answered comes back after at least so many other answers."""
_REPEAT_AMONG = 20
_TRIES = 4

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Shown:
    """One pair of a planned hand. `expected` is its known answer, `repeats` the exposure that it shows once more."""

    pair: int
    kind: ExposureKind
    expected: str = ""
    repeats: int | None = None


@dataclass(frozen=True, slots=True)
class Planned:
    """Pairs shown together, in their order, for what they tell about the voter."""

    shown: list[Shown]
    propensity: float


def plan_hands(study: DeckStudy, voter: Voter, n: int, rules: Rules, rng: np.random.Generator) -> dict[int, Planned]:
    """For some of the places 0 … n - 1 of a deck what is shown there instead of what the design draws.

    Each place is left to chance, whatever was there before: nobody can foresee the next one.
    """
    if study.gold_share + study.repeat_share <= 0:
        return {}
    coins = rng.random(n)
    golds = np.flatnonzero(coins < study.gold_share).tolist()
    repeats = np.flatnonzero((coins >= study.gold_share) & (coins < study.gold_share + study.repeat_share)).tolist()
    hands_by_place: dict[int, Planned] = {}
    if golds:
        hands_by_place |= dict(zip(golds, _plan_golds(study, voter, len(golds), rules, rng), strict=False))
    if repeats:
        hands_by_place |= dict(zip(repeats, _plan_repeats(study, voter, len(repeats), rules, rng), strict=False))
    return hands_by_place


def _plan_golds(study: DeckStudy, voter: Voter, n: int, rules: Rules, rng: np.random.Generator) -> list[Planned]:
    golds = golds_of(study)
    hands = [[gold] for gold in golds] if study.mode == StudyMode.SWIPE else _both_of_a_query(golds)
    tried = [hands[index] for index in rng.permutation(len(hands))[: _TRIES * n].tolist()]
    # What a grid shows beside them is what it usually shows of their query.
    usual = [_usual_of(study, hand) if study.mode == StudyMode.GRID else [] for hand in tried]
    seen = seen_among(voter, [gold.pair for hand in tried for gold in hand] + [pair for some in usual for pair in some])
    planned_hands = []
    for hand, others in zip(tried, usual, strict=True):
        unseen = [pair for pair in others if pair not in seen]
        if seen & {gold.pair for gold in hand} or (study.mode == StudyMode.GRID and len(unseen) < len(hand)):
            continue
        # As many tiles as a usual grid would have.
        beside = _shuffled_copy(unseen, rng)[: max(0, min(rules.most, len(unseen)) - len(hand))]
        planned_hands.append(Planned(_shuffled_copy(_with_known(study, hand, beside), rng), 1 / len(hands)))
    return planned_hands[:n]


def _with_known(study: DeckStudy, hand: list[GoldPair], beside: list[int]) -> list[Shown]:
    """In two-alternative mode only the positive gold is scored; choosing it rejects the other."""
    scored = [gold for gold in hand if study.mode != StudyMode.TWO or gold.expected == Answer.DOPE]
    others = beside + [gold.pair for gold in hand if gold not in scored]
    return [
        *(Shown(gold.pair, ExposureKind.GOLD, expected=gold.expected) for gold in scored),
        *(Shown(pair, ExposureKind.FILLER) for pair in others),
    ]


def _both_of_a_query(golds: list[GoldPair]) -> list[list[GoldPair]]:
    hands: dict[int, list[GoldPair]] = {}
    for gold in golds:
        hands.setdefault(gold.position, []).append(gold)
    return [hand for hand in hands.values() if len(hand) == 2]


def _usual_of(study: DeckStudy, hand: list[GoldPair]) -> list[int]:
    pairs: list[int] = pool_of(study).pairs_of_query(hand[0].position).tolist()
    return pairs


def _shuffled_copy(things: Sequence[_T], rng: np.random.Generator) -> list[_T]:
    return [things[index] for index in rng.permutation(len(things)).tolist()]


def _plan_repeats(study: DeckStudy, voter: Voter, n: int, rules: Rules, rng: np.random.Generator) -> list[Planned]:
    """What was answered some time ago and not asked for again yet; what was shown together comes back together."""
    hands: dict[UUID, list[RepeatableVote]] = {}
    for vote in repeatable_votes(study, voter, (_REPEAT_AFTER + _REPEAT_AMONG) * rules.most):
        hands.setdefault(vote.hand, []).append(vote)
    older = list(hands.items())[_REPEAT_AFTER : _REPEAT_AFTER + _REPEAT_AMONG]
    if rules.most > 1:
        groups = Exposure.objects.filter(voter=voter, group__in=[group for group, _ in older])
        sizes = Counter(groups.values_list("group", flat=True))
        older = [(group, hand) for group, hand in older if len(hand) == sizes[group]]
    return [
        Planned(_once_more(study, _shuffled_copy(hand, rng)), 1 / len(older))
        for _, hand in _shuffled_copy(older, rng)[:n]
    ]


def _once_more(study: DeckStudy, hand: list[RepeatableVote]) -> list[Shown]:
    """Two alternatives are one answer, so that only one of them says what it repeats."""
    repeat_count = 1 if study.mode == StudyMode.TWO else len(hand)
    return [
        Shown(vote.pair, ExposureKind.REPEAT, repeats=vote.exposure if number < repeat_count else None)
        for number, vote in enumerate(hand)
    ]
