"""Serving a deck: new pairs for one voter, each drawn with a known probability."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from threading import local
from typing import Any

import numpy as np
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from evalapp.core.domain.errors import Conflict, NotFound, TooMany
from evalapp.core.services.sql_functions import named_rows
from evalapp.studies.models import Study, StudyMode, StudyState
from evalapp.studies.queries.study_reads import OPENED
from evalapp.studies.services.pair_flags import in_play
from evalapp.voting.domain.slates import Hand, Law, Pool, Rules, hands_from_all, hands_from_unseen
from evalapp.voting.models import Exposure, ExposureKind, Side, Voter
from evalapp.voting.queries.deck_reads import Card, DeckStudy, cards_of, law_of, pool_of, seen_among
from evalapp.voting.services.quality_items import Planned, plan_hands

_SEEN_SHARE = 0.02
"""Up to this probability of drawing one of them, a pair seen before is drawn again; beyond, only unseen pairs are in
the draw, each with what its probability then is."""
_ROUNDS = 3
_of_thread = local()
_RULES = {StudyMode.SWIPE: Rules(1, 1), StudyMode.TWO: Rules(2, 2), StudyMode.GRID: Rules(1, 9)}

_COLUMNS = ("token", "pair_id", "kind", "propensity", "design_version", "group", "side", "expected", "repeats_id")
"""What differs between the exposures of a deck."""

_BEGIN = """
SELECT * FROM voting_begin_deck(
    the_slug => %(slug)s, the_voter => %(voter)s, the_now => %(now)s, the_address => %(address)s,
    the_address_until => %(address_until)s, most => %(most)s
)
"""
_DEAL = """
SELECT * FROM voting_deal_deck(
    the_visit => %(visit)s, now_dealt => %(dealt)s, now_allowance => %(allowance)s, the_voter => %(voter)s,
    the_study => %(study)s, the_now => %(now)s, the_lease => %(lease)s, tokens => %(token)s::uuid[],
    pairs => %(pair_id)s::bigint[], kinds => %(kind)s::text[], propensities => %(propensity)s::float8[],
    versions => %(design_version)s::int[], groups => %(group)s::uuid[], sides => %(side)s::text[],
    expectations => %(expected)s::text[], repeated => %(repeats_id)s::bigint[]
)
"""


class ForgottenVoter(Exception):
    """This voter asked to be forgotten; whoever comes is somebody new."""


@dataclass(frozen=True, slots=True)
class Deck:
    """What a voter gets to see of a study, and as what; those of one group follow each other."""

    study: DeckStudy
    exposures: list[Exposure]
    cards: list[Card]


@dataclass(frozen=True, slots=True)
class _Turn:
    """One voter's turn in one study: the locked row of their visit, and what they can be shown.

    `has_open`: the voter has an unanswered exposure whose lease expired. `allowance`: slates left in the rate limit.
    """

    study: DeckStudy
    voter: Voter
    visit: int
    dealt: int
    has_open: bool
    allowance: float
    pool: Pool
    law: Law
    rules: Rules


def serve_deck(
    study: Study, voter: Voter, n: int, rng: np.random.Generator | None = None, *, limited: bool = False
) -> list[Exposure]:
    """Exposures that the voter has not answered; empty when nothing is left.

    `n` is the number of pairs or, where the study shows several together, of groups; a group's exposures follow each
    other.

    1. What was issued to this voter, not answered, and is no longer leased is offered again, token and all.
    2. The rest is drawn from the pairs the voter has no exposure for, by the newest design; small shares, left to
       chance, are pairs with a known answer and repeats of what the voter answered some time ago.

    A voter that has no row yet gets one; ForgottenVoter is raised for one that is nobody any more. With `limited`,
    raises TooMany where they asked for more than anybody can look at.
    """
    return deck_for(study.slug, voter, n, rng, limited=limited).exposures


def deck_for(slug: str, voter: Voter, n: int, rng: np.random.Generator | None = None, *, limited: bool = False) -> Deck:
    """The same for who has the study's name only; raises NotFound, or Conflict with the code `closed`, too."""
    with transaction.atomic():
        turn = _begin_turn(slug, voter)
        if limited and turn.allowance < n:
            raise TooMany("That was fast. More pairs come in a few seconds.")
        again = _offer_again(turn, n) if turn.has_open else []
        cards = cards_of(again)
        short = n - len({exposure.group or exposure.pk for exposure in again})
        fresh = _deal_exposures(turn, short, rng or _thread_rng()) if short and len(turn.pool.pairs) else []
        if fresh:
            cards += _write_exposures(turn, fresh)
    return Deck(turn.study, again + fresh, cards)


def _thread_rng() -> np.random.Generator:
    """This thread's own: to seed one takes as long as to draw."""
    if not hasattr(_of_thread, "rng"):
        _of_thread.rng = np.random.default_rng()
    rng: np.random.Generator = _of_thread.rng
    return rng


def _begin_turn(slug: str, voter: Voter) -> _Turn:
    params: dict[str, Any] = {
        "slug": slug,
        "voter": voter.pk,
        "now": timezone.now(),
        "address": voter.address,
        "address_until": voter.address_until,
        "most": settings.VOTER_PAIRS_PER_MINUTE,
    }
    with connection.cursor() as cursor:
        cursor.execute(_BEGIN, params)
        begun = next(named_rows(cursor))
    study = _study_to_vote_on(slug, begun)
    if begun["is_forgotten"]:
        raise ForgottenVoter
    return _Turn(
        study=study,
        voter=voter,
        visit=begun["visit"],
        dealt=begun["dealt"],
        has_open=begun["has_open"],
        allowance=begun["allowance"],
        pool=pool_of(study),
        law=law_of(study, begun["version"]),
        rules=_RULES[StudyMode(study.mode)],
    )


def _study_to_vote_on(slug: str, begun: dict[str, Any]) -> DeckStudy:
    if begun["study_id"] is None or begun["state"] not in OPENED:
        raise NotFound(f"There is no study {slug}.")
    if begun["state"] != StudyState.OPEN:
        raise Conflict("This study is not open for votes.", code="closed")
    return DeckStudy(
        pk=begun["study_id"],
        mode=begun["mode"],
        random_sides=begun["random_sides"],
        gold_share=begun["gold_share"],
        repeat_share=begun["repeat_share"],
        is_open=True,
        opened_at=begun["opened_at"],
        withdrawals=begun["withdrawals"],
    )


def _offer_again(turn: _Turn, n: int) -> list[Exposure]:
    """Up to `n` whole hands. A hand of which a part was answered is not shown again."""
    now = timezone.now()
    unanswered = in_play(Exposure.objects.filter(study=turn.study.pk, voter=turn.voter, answered_at__isnull=True))
    # One that is locked is being answered at this moment.
    unlocked = unanswered.filter(leased_until__lt=now).select_for_update(no_key=True, skip_locked=True).order_by("pk")
    offered = list(unlocked[: n * turn.rules.most])
    if turn.rules.most > 1 and offered:
        offered = _whole_hands(offered, n)
    if offered:
        Exposure.objects.filter(pk__in=[exposure.pk for exposure in offered]).update(
            leased_until=now + settings.EXPOSURE_LEASE
        )
    return offered


def _whole_hands(exposures: list[Exposure], n: int) -> list[Exposure]:
    rows = Exposure.objects.filter(group__in={exposure.group for exposure in exposures}, voter=exposures[0].voter)
    sizes: dict[uuid.UUID | None, int] = {}
    for group in rows.values_list("group", flat=True):
        sizes[group] = sizes.get(group, 0) + 1
    hands: dict[uuid.UUID | None, list[Exposure]] = {}
    for exposure in exposures:
        hands.setdefault(exposure.group, []).append(exposure)
    whole = [hand for group, hand in hands.items() if len(hand) == sizes[group]]
    return [exposure for hand in whole[:n] for exposure in hand]


def _deal_exposures(turn: _Turn, n: int, rng: np.random.Generator) -> list[Exposure]:
    """Up to `n` new hands, most of them drawn by the design; none where it has nothing left for this voter."""
    planned_hands = plan_hands(turn.study, turn.voter, n, turn.rules, rng)
    # A grid around a known answer holds pairs that the design could draw as well.
    beside = {shown.pair for hand in planned_hands.values() for shown in hand.shown}
    drawn = iter(_draw_hands(turn, n - len(planned_hands), rng, beside)) if n > len(planned_hands) else iter(())
    hands = [planned_hands.get(slate_number) or next(drawn, None) for slate_number in range(n)]
    if not any(isinstance(hand, Hand) for hand in hands) and not _draw_hands(turn, 1, rng, set()):
        return []
    return [exposure for hand in hands if hand for exposure in _exposures_of_hand(turn, hand, rng)]


def _write_exposures(turn: _Turn, exposures: list[Exposure]) -> list[Card]:
    """Insert them, in their order, and count them in the visit."""
    dealt = turn.dealt + sum(exposure.kind != ExposureKind.REPEAT for exposure in exposures)
    allowance_left = max(0.0, turn.allowance - len({exposure.group or exposure.token for exposure in exposures}))
    first = exposures[0]
    params: dict[str, Any] = {
        "visit": turn.visit,
        "dealt": dealt,
        "allowance": allowance_left,
        "voter": turn.voter.pk,
        "study": turn.study.pk,
        "now": first.served_at,
        "lease": first.leased_until,
    }
    with connection.cursor() as cursor:
        cursor.execute(_DEAL, params | {name: [getattr(exposure, name) for exposure in exposures] for name in _COLUMNS})
        cards = {card.token: card for card in map(Card.from_row, named_rows(cursor))}
    for exposure in exposures:
        exposure.pk = cards[exposure.token].exposure
    return [cards[exposure.token] for exposure in exposures]


def _exposures_of_hand(turn: _Turn, hand: Hand | Planned, rng: np.random.Generator) -> Iterator[Exposure]:
    now = timezone.now()
    group = uuid.uuid4() if turn.rules.most > 1 else None
    for number, fields in enumerate(_drawn_fields(turn, hand) if isinstance(hand, Hand) else _planned_fields(hand)):
        yield Exposure(
            voter_id=turn.voter.pk,
            study_id=turn.study.pk,
            group=group,
            side=_choose_side(turn.study, number, rng),
            served_at=now,
            leased_until=now + settings.EXPOSURE_LEASE,
            **fields,
        )


def _drawn_fields(turn: _Turn, hand: Hand) -> Iterator[dict[str, Any]]:
    for place, propensity in zip(hand.places, hand.propensities, strict=True):
        yield {
            "pair_id": int(turn.pool.pairs[place]),
            "kind": ExposureKind.CONTROL if turn.pool.only_control[place] else ExposureKind.STUDY,
            "propensity": propensity,
            "design_version": turn.law.version,
        }


def _planned_fields(hand: Planned) -> Iterator[dict[str, Any]]:
    for shown in hand.shown:
        yield {
            "pair_id": shown.pair,
            "kind": shown.kind,
            "propensity": hand.propensity,
            "expected": shown.expected,
            "repeats_id": shown.repeats,
        }


def _choose_side(study: DeckStudy, number: int, rng: np.random.Generator) -> Side:
    """Side of the candidate in two-alternative mode, else side of the query."""
    if study.mode == StudyMode.TWO:
        return Side.RIGHT if number else Side.LEFT
    return Side.RIGHT if study.random_sides and rng.random() < 0.5 else Side.LEFT


def _draw_hands(turn: _Turn, n: int, rng: np.random.Generator, beside: set[int]) -> list[Hand]:
    """Hands without what the voter has seen, and without the pairs `beside`, which are dealt together with them."""
    law = _law_for(turn)
    hands: list[Hand] = []
    if law is None:
        return hands
    taken = set(beside)
    # No more than if all were of the likeliest: a sharp design spends most of its draws on few pairs.
    if (turn.dealt + n * turn.rules.most) * float(law.probabilities.max()) <= _SEEN_SHARE:
        for _ in range(_ROUNDS):
            firsts = law.draw_places(rng, 2 * (n - len(hands)) + 4)
            seen = taken | _seen_among(turn, firsts)
            for hand in hands_from_all(turn.pool, law, turn.rules, firsts, seen, rng):
                hands.append(hand)
                taken.update(turn.pool.pairs[hand.places].tolist())
                if len(hands) == n:
                    return hands
    everything = Exposure.objects.filter(voter=turn.voter, study=turn.study.pk).values_list("pair_id", flat=True)
    seen = taken | set(everything)
    return hands + list(hands_from_unseen(turn.pool, law, turn.rules, seen, n - len(hands), rng))


def _law_for(turn: _Turn) -> Law | None:
    """The law among the queries that have enough pairs for a hand; None where there are none."""
    if turn.rules.least == 1:
        return turn.law
    enough = (turn.pool.sizes >= turn.rules.least)[turn.pool.owners]
    weights = np.where(enough, turn.law.probabilities, 0.0)
    return Law.from_weights(weights, turn.law.version) if weights.any() else None


def _seen_among(turn: _Turn, firsts: list[int]) -> set[int]:
    """Of all pairs that a hand begun with these may hold, those the voter has an exposure for."""
    places = (
        set(firsts)
        if turn.rules.most == 1
        else {place for first in firsts for place in turn.pool.places_of_query(first)}
    )
    return seen_among(turn.voter, turn.pool.pairs[list(places)].tolist())
