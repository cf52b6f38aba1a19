"""The small shares of a deck that the design does not draw: pairs with a known answer, and delayed repeats."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evalapp.studies.flagging import in_play
from evalapp.studies.models import Study, StudyMode
from evalapp.voting.models import Answer, Exposure, ExposureKind, Vote, Voter
from evalapp.voting.queries import GoldPair, golds_of
from evalapp.voting.services.golds import MODES

_REPEAT_AFTER = 10
"""A pair comes back after at least so many other answers."""
_REPEAT_AMONG = 20
_TRIES = 4


@dataclass(frozen=True, slots=True)
class Planned:
    """Pairs shown for what they tell about the voter; two where the study shows two together."""

    kind: ExposureKind
    pairs: list[int]
    propensity: float
    expected: tuple[str, ...] = ()
    repeats: int | None = None


def planned(study: Study, voter: Voter, n: int, rng: np.random.Generator) -> dict[int, Planned]:
    """For some of the places 0 … n - 1 of a deck what is shown there instead of what the design draws.

    Each place is left to chance, whatever was there before: nobody can foresee the next one.
    """
    if study.mode not in MODES or study.gold_share + study.repeat_share <= 0:
        return {}
    coins = rng.random(n)
    golds = np.flatnonzero(coins < study.gold_share).tolist()
    repeats = np.flatnonzero((coins >= study.gold_share) & (coins < study.gold_share + study.repeat_share)).tolist()
    found: dict[int, Planned] = {}
    if golds:
        found |= dict(zip(golds, _golds(study, voter, len(golds), rng), strict=False))
    if repeats and study.mode == StudyMode.SWIPE:
        found |= dict(zip(repeats, _repeats(study, voter, len(repeats), rng), strict=False))
    return found


def _golds(study: Study, voter: Voter, n: int, rng: np.random.Generator) -> list[Planned]:
    known = golds_of(study)
    hands: list[list[GoldPair]] = (
        [[gold] for gold in known] if study.mode == StudyMode.SWIPE else list(_by_query(known).values())
    )
    if not hands:
        return []
    tried = [hands[index] for index in rng.permutation(len(hands))[: _TRIES * n].tolist()]
    pairs = [gold.pair for hand in tried for gold in hand]
    seen = set(Exposure.objects.filter(voter=voter, pair__in=pairs).values_list("pair_id", flat=True))
    fresh = [hand for hand in tried if not seen & {gold.pair for gold in hand}][:n]
    return [
        Planned(
            ExposureKind.GOLD,
            [gold.pair for gold in hand],
            1 / len(hands),
            expected=tuple(gold.expected for gold in hand),
        )
        for hand in (_shuffled(hand, rng) for hand in fresh)
    ]


def _by_query(known: list[GoldPair]) -> dict[int, list[GoldPair]]:
    hands: dict[int, list[GoldPair]] = {}
    for gold in known:
        hands.setdefault(gold.query, []).append(gold)
    return {query: hand for query, hand in hands.items() if len(hand) == 2}


def _shuffled(hand: list[GoldPair], rng: np.random.Generator) -> list[GoldPair]:
    return [hand[index] for index in rng.permutation(len(hand)).tolist()]


def _repeats(study: Study, voter: Voter, n: int, rng: np.random.Generator) -> list[Planned]:
    """Verdicts of some time ago that were not asked for again yet."""
    mine = Vote.objects.filter(
        voter=voter,
        study=study,
        verdict__in=[Answer.DOPE, Answer.NOPE],
        void_reason="",
        exposure__kind__in=[ExposureKind.STUDY, ExposureKind.CONTROL],
        exposure__repeated__isnull=True,
    )
    older = in_play(mine).order_by("-voted_at", "-pk").values_list("exposure_id", "pair_id")
    among = list(older[_REPEAT_AFTER : _REPEAT_AFTER + _REPEAT_AMONG])
    return [
        Planned(ExposureKind.REPEAT, [among[index][1]], 1 / len(among), repeats=among[index][0])
        for index in rng.permutation(len(among))[:n].tolist()
    ]
