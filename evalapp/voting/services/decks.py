"""Serving a deck: new pairs for one voter, each drawn with a known probability."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

import numpy as np
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from evalapp.stats.designs import draw_without_replacement, uniform_propensity
from evalapp.studies.models import Pair, Study
from evalapp.voting.models import Exposure, ExposureKind, Voter
from evalapp.voting.queries import Pool, exposures_to_show, pool_of

_SEEN_SHARE = 0.1
"""Up to this share of the pool a pair seen before is drawn again; beyond, only unseen pairs are in the draw."""
_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class _Drawn:
    pair: int
    propensity: float


def serve_deck(study: Study, voter: Voter, n: int, rng: np.random.Generator | None = None) -> list[Exposure]:
    """Up to `n` exposures that the voter has not answered, with their pictures; empty when nothing is left.

    1. What was issued to this voter, not answered, and is no longer leased is offered again, token and all.
    2. The rest is drawn from the pairs the voter has no exposure for, by the uniform design.
    """
    rng = rng or np.random.default_rng()
    with transaction.atomic():
        # Two decks asked for at once would both find the same pairs unseen: they take turns.
        Voter.objects.select_for_update(no_key=True).get(pk=voter.pk)
        tokens = _offer_again(study, voter, n)
        if len(tokens) < n:
            tokens += _issue(study, voter, _draw(study, voter, n - len(tokens), rng))
    return exposures_to_show(tokens)


def _offer_again(study: Study, voter: Voter, n: int) -> list[uuid.UUID]:
    now = timezone.now()
    open_ones = Exposure.objects.filter(study=study, voter=voter, answered_at__isnull=True, leased_until__lt=now)
    # One that is locked is being answered at this moment.
    unlocked = open_ones.select_for_update(no_key=True, skip_locked=True)
    found = dict(unlocked.order_by("pk").values_list("pk", "token")[:n])
    if found:
        Exposure.objects.filter(pk__in=found).update(leased_until=now + settings.EXPOSURE_LEASE)
    return list(found.values())


def _issue(study: Study, voter: Voter, drawn: list[_Drawn]) -> list[uuid.UUID]:
    now = timezone.now()
    exposures = [
        Exposure(
            voter=voter,
            study=study,
            pair_id=draw.pair,
            propensity=draw.propensity,
            served_at=now,
            leased_until=now + settings.EXPOSURE_LEASE,
        )
        for draw in drawn
    ]
    Exposure.objects.bulk_create(exposures, ignore_conflicts=True)
    return [exposure.token for exposure in exposures]


def _draw(study: Study, voter: Voter, n: int, rng: np.random.Generator) -> list[_Drawn]:
    pool = pool_of(study)
    seen = Exposure.objects.filter(study=study, voter=voter).exclude(kind=ExposureKind.REPEAT).count()
    drawn: list[_Drawn] = []
    if seen + n <= _SEEN_SHARE * pool.pairs:
        for _ in range(_ROUNDS):
            drawn += _draw_from_all(study, voter, pool, {draw.pair for draw in drawn}, n - len(drawn), rng)
            if len(drawn) == n:
                return drawn
    return drawn + _draw_from_unseen(study, voter, {draw.pair for draw in drawn}, n - len(drawn), rng)


def _draw_from_all(
    study: Study, voter: Voter, pool: Pool, taken: set[int], n: int, rng: np.random.Generator
) -> list[_Drawn]:
    """One round of draws from the whole pool, those that hit an empty query or a seen pair left out.

    A query, then one of its slots: constant time, whatever the size of the pool. Leaving out what was seen moves
    the probabilities by less than the seen share, which is kept small; the one stored is that of the draw.
    """
    tries = 2 * n * pool.positions // pool.queries + 8
    positions = rng.integers(pool.positions, size=tries).tolist()
    shares = rng.random(tries).tolist()
    rows = Pair.objects.filter(study=study, query__position__in=positions, slot__isnull=False)
    slots: dict[int, list[int]] = {}
    for position, _, pair in sorted(rows.values_list("query__position", "slot", "pk")):
        slots.setdefault(position, []).append(pair)
    hits: dict[int, float] = {}
    for position, share in zip(positions, shares, strict=True):
        if choices := slots.get(position):
            hits.setdefault(choices[int(share * len(choices))], uniform_propensity(pool.queries, len(choices)))
    seen = set(Exposure.objects.filter(voter=voter, pair__in=hits).values_list("pair_id", flat=True))
    return [_Drawn(pair, chance) for pair, chance in hits.items() if pair not in seen and pair not in taken][:n]


def _draw_from_unseen(study: Study, voter: Voter, taken: set[int], n: int, rng: np.random.Generator) -> list[_Drawn]:
    """The uniform design restricted to the pairs that this voter was not shown, renormalised draw by draw."""
    shown = Exposure.objects.filter(study=study, voter=voter).values("pair")
    unseen = Pair.objects.filter(study=study, slot__isnull=False).exclude(pk__in=shown).exclude(pk__in=taken)
    rows = list(unseen.order_by("pk").values_list("pk", "query__slots"))
    draws = draw_without_replacement(rng, np.array([1 / slots for _, slots in rows], dtype=np.float64), n)
    return [
        _Drawn(rows[index][0], propensity)
        for index, propensity in zip(draws.indices.tolist(), draws.propensities.tolist(), strict=True)
    ]
