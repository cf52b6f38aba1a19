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

from evalapp.catalog.models import Catalogue
from evalapp.core.errors import Conflict, NotFound, TooMany
from evalapp.studies.flagging import in_play
from evalapp.studies.models import Study, StudyMode
from evalapp.voting.models import Exposure, ExposureKind, Side, Voter
from evalapp.voting.pools import Hand, Law, Pool, Rules, hands_from_all, hands_from_unseen
from evalapp.voting.queries import Card, cards_of, law_of, pool_of, seen_among
from evalapp.voting.services.kinds import Planned, planned

_SEEN_SHARE = 0.1
"""Up to this share of the pool a pair seen before is drawn again; beyond, only unseen pairs are in the draw."""
_ROUNDS = 3
_of_thread = local()
_RULES = {StudyMode.SWIPE: Rules(1, 1), StudyMode.TWO: Rules(2, 2), StudyMode.GRID: Rules(1, 9)}

_STUDY = ("id", "mode", "random_sides", "gold_share", "repeat_share", "state", "opened_at")
"""What a deck has to know of its study, in the model's order; its catalogue's id and count of withdrawals follow."""

_COLUMNS = {
    "token": "uuid",
    "pair_id": "bigint",
    "kind": "text",
    "propensity": "float8",
    "design_version": "int",
    "group": "uuid",
    "side": "text",
    "expected": "text",
    "repeats_id": "bigint",
}
"""What differs between the exposures of a deck, and its type, in the order in which `voting_deal` takes them."""

# The functions stand in migration 0006.
_BEGIN = "SELECT * FROM voting_begin(%s, %s, %s, %s, %s, %s)"
_ARRAYS = ", ".join(f"%s::{kind}[]" for kind in _COLUMNS.values())
_DEAL = f"SELECT * FROM voting_deal(%s, %s, %s, %s, %s, %s, %s, {_ARRAYS})"  # noqa: S608 - the types are ours


class ForgottenVoter(Exception):
    """This voter asked to be forgotten; whoever comes is somebody new."""


@dataclass(frozen=True, slots=True)
class Deck:
    """What a voter gets to see of a study, and as what; those of one group follow each other."""

    study: Study
    exposures: list[Exposure]
    cards: list[Card]


@dataclass(frozen=True, slots=True)
class _Turn:
    """One voter's turn in one study: the locked row of their visit, and what they can be shown.

    `has_open`: something was issued to them, not answered, and is no longer leased. `allowance`: so many hands more may
    they ask for now.
    """

    study: Study
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
        turn = _begin(slug, voter)
        if limited and turn.allowance < n:
            raise TooMany("That was fast. More pairs come in a few seconds.")
        again = _offer_again(turn, n) if turn.has_open else []
        cards = cards_of(again)
        short = n - len({exposure.group or exposure.pk for exposure in again})
        fresh = _deal(turn, short, rng or _chance()) if short and len(turn.pool.pairs) else []
        if fresh:
            cards += _write(turn, fresh)
    return Deck(turn.study, again + fresh, cards)


def _chance() -> np.random.Generator:
    """This thread's own: to seed one takes as long as to draw."""
    if not hasattr(_of_thread, "rng"):
        _of_thread.rng = np.random.default_rng()
    rng: np.random.Generator = _of_thread.rng
    return rng


def _begin(slug: str, voter: Voter) -> _Turn:
    words: list[Any] = [slug, voter.pk, timezone.now(), voter.address, voter.address_until]
    words.append(settings.VOTER_PAIRS_PER_MINUTE)
    with connection.cursor() as cursor:
        cursor.execute(_BEGIN, words)
        *about, visit, dealt, allowance, version, has_open, is_forgotten = cursor.fetchone()
    study = _study_to_vote_on(slug, *about)
    if is_forgotten:
        raise ForgottenVoter
    rules = _RULES[StudyMode(study.mode)]
    pool = pool_of(study)
    return _Turn(study, voter, visit, dealt, has_open, allowance, pool, law_of(study, version), rules)


def _study_to_vote_on(slug: str, *columns: Any) -> Study:
    *own, catalogue, withdrawals = columns
    study = Study.from_db("default", _STUDY, own)
    if study.pk is None:
        raise NotFound(f"There is no study {slug}.")
    if not study.is_open:
        raise Conflict("This study is not open for votes.", code="closed")
    study.catalogue = Catalogue.from_db("default", ("id", "withdrawals"), (catalogue, withdrawals))
    return study


def _offer_again(turn: _Turn, n: int) -> list[Exposure]:
    """Up to `n` whole hands. A hand of which a part was answered is not shown again."""
    now = timezone.now()
    mine = in_play(Exposure.objects.filter(study=turn.study, voter=turn.voter, answered_at__isnull=True))
    # One that is locked is being answered at this moment.
    unlocked = mine.filter(leased_until__lt=now).select_for_update(no_key=True, skip_locked=True).order_by("pk")
    found = list(unlocked[: n * turn.rules.most])
    if turn.rules.most > 1 and found:
        found = _whole_hands(found, n)
    if found:
        Exposure.objects.filter(pk__in=[one.pk for one in found]).update(leased_until=now + settings.EXPOSURE_LEASE)
    return found


def _whole_hands(found: list[Exposure], n: int) -> list[Exposure]:
    rows = Exposure.objects.filter(group__in={one.group for one in found}, voter=found[0].voter)
    sizes: dict[uuid.UUID | None, int] = {}
    for group in rows.values_list("group", flat=True):
        sizes[group] = sizes.get(group, 0) + 1
    hands: dict[uuid.UUID | None, list[Exposure]] = {}
    for one in found:
        hands.setdefault(one.group, []).append(one)
    whole = [hand for group, hand in hands.items() if len(hand) == sizes[group]]
    return [one for hand in whole[:n] for one in hand]


def _deal(turn: _Turn, n: int, rng: np.random.Generator) -> list[Exposure]:
    """Up to `n` new hands, most of them drawn by the design; none where it has nothing left for this voter."""
    known = planned(turn.study, turn.voter, n, turn.rules, rng)
    # A grid around a known answer holds pairs that the design could draw as well.
    beside = {shown.pair for hand in known.values() for shown in hand.shown}
    drawn = iter(_draw(turn, n - len(known), rng, beside)) if n > len(known) else iter(())
    hands = [known.get(place) or next(drawn, None) for place in range(n)]
    if not any(isinstance(hand, Hand) for hand in hands) and not _draw(turn, 1, rng, set()):
        return []
    return [exposure for hand in hands if hand for exposure in _exposures(turn, hand, rng)]


def _write(turn: _Turn, exposures: list[Exposure]) -> list[Card]:
    """Insert them, in their order, and count them in the visit."""
    dealt = turn.dealt + sum(one.kind != ExposureKind.REPEAT for one in exposures)
    left = max(0.0, turn.allowance - len({one.group or one.token for one in exposures}))
    first = exposures[0]
    words: list[Any] = [turn.visit, dealt, left, turn.voter.pk, turn.study.pk, first.served_at, first.leased_until]
    with connection.cursor() as cursor:
        cursor.execute(_DEAL, words + [[getattr(one, name) for one in exposures] for name in _COLUMNS])
        cards = {card.token: card for card in map(Card.of, cursor.fetchall())}
    for one in exposures:
        one.pk = cards[one.token].exposure
    return [cards[one.token] for one in exposures]


def _exposures(turn: _Turn, hand: Hand | Planned, rng: np.random.Generator) -> Iterator[Exposure]:
    now = timezone.now()
    group = uuid.uuid4() if turn.rules.most > 1 else None
    for number, what in enumerate(_drawn(turn, hand) if isinstance(hand, Hand) else _as_planned(hand)):
        yield Exposure(
            voter_id=turn.voter.pk,
            study_id=turn.study.pk,
            group=group,
            side=_side(turn.study, number, rng),
            served_at=now,
            leased_until=now + settings.EXPOSURE_LEASE,
            **what,
        )


def _drawn(turn: _Turn, hand: Hand) -> Iterator[dict[str, Any]]:
    for place, propensity in zip(hand.places, hand.propensities, strict=True):
        yield {
            "pair_id": int(turn.pool.pairs[place]),
            "kind": ExposureKind.CONTROL if turn.pool.only_control[place] else ExposureKind.STUDY,
            "propensity": propensity,
            "design_version": turn.law.version,
        }


def _as_planned(hand: Planned) -> Iterator[dict[str, Any]]:
    for shown in hand.shown:
        yield {
            "pair_id": shown.pair,
            "kind": shown.kind,
            "propensity": hand.propensity,
            "expected": shown.expected,
            "repeats_id": shown.repeats,
        }


def _side(study: Study, number: int, rng: np.random.Generator) -> Side:
    """Of two alternatives, where the candidate stands; else where the query stands."""
    if study.mode == StudyMode.TWO:
        return Side.RIGHT if number else Side.LEFT
    return Side.RIGHT if study.random_sides and rng.random() < 0.5 else Side.LEFT


def _draw(turn: _Turn, n: int, rng: np.random.Generator, beside: set[int]) -> list[Hand]:
    """Hands without what the voter has seen, and without the pairs `beside`, which are dealt together with them."""
    law = _law_for(turn)
    hands: list[Hand] = []
    if law is None:
        return hands
    taken = set(beside)
    if turn.dealt + n * turn.rules.most <= _SEEN_SHARE * len(turn.pool.pairs):
        for _ in range(_ROUNDS):
            firsts = law.draw(rng, 2 * (n - len(hands)) + 4)
            seen = taken | _seen_among(turn, firsts)
            for hand in hands_from_all(turn.pool, law, turn.rules, firsts, seen, rng):
                hands.append(hand)
                taken.update(turn.pool.pairs[hand.places].tolist())
                if len(hands) == n:
                    return hands
    everything = Exposure.objects.filter(voter=turn.voter, study=turn.study).values_list("pair_id", flat=True)
    seen = taken | set(everything)
    return hands + list(hands_from_unseen(turn.pool, law, turn.rules, seen, n - len(hands), rng))


def _law_for(turn: _Turn) -> Law | None:
    """The law among the queries that have enough pairs for a hand; None where there are none."""
    if turn.rules.least == 1:
        return turn.law
    enough = (turn.pool.sizes >= turn.rules.least)[turn.pool.owners]
    weights = np.where(enough, turn.law.probabilities, 0.0)
    return Law.of(weights, turn.law.version) if weights.any() else None


def _seen_among(turn: _Turn, firsts: list[int]) -> set[int]:
    """Of all pairs that a hand begun with these may hold, those the voter has an exposure for."""
    places = set(firsts) if turn.rules.most == 1 else {place for one in firsts for place in turn.pool.span(one)}
    return seen_among(turn.voter, turn.pool.pairs[list(places)].tolist())
