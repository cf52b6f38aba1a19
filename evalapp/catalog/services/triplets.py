"""Triplets to be checked by eye: proposed from labels or votes, accepted or rejected by a person."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from django.db import transaction
from django.db.models import Count, Max, Min
from django.utils import timezone

from evalapp.catalog.models import Catalogue, Triplet, TripletState
from evalapp.catalog.queries import active_items, unflagged
from evalapp.core.domain.errors import Conflict, InvalidInput, NotFound
from evalapp.core.services.deeds import recorded

MOST_AT_ONCE = 10_000
FROM_LABELS = "labels"
Claim = tuple[int, int, int]
"""Ids of the anchor, the positive and the negative."""


@dataclass(frozen=True, slots=True)
class Decisions:
    """What people said, as ids of items: anchor, positive, negative."""

    accepted: list[Claim]
    rejected: list[Claim]


@dataclass(frozen=True, slots=True)
class _Row:
    item: int
    product: str
    category: str
    domain: str


@recorded("proposed triplets", "catalogue {catalogue}", "{result:,} new")
def propose_from_labels(catalogue: Catalogue, number: int, *, seed: int = 0) -> int:
    """Put up to `number` new triplets into the queue; returns how many are new.

    The positive is of the anchor's product (of another domain where there is one), else of its category; the negative
    is the hardest that labels can name: of the same category and another product, else of another category, and from
    the positive's domain. Flagged items take no part. Raises InvalidInput where labels name no such three.
    """
    check_number(number)
    rows = [
        _Row(*values)
        for values in unflagged(active_items(catalogue)).values_list("pk", "product", "category", "domain")
    ]
    claims = _draw_claims(rows, number, np.random.default_rng(seed))
    if not claims:
        raise InvalidInput(
            f"The labels of {catalogue} name no triplet: two pictures of one product or category and one of another "
            "are needed."
        )
    return propose_triplets(catalogue, claims, FROM_LABELS)


def propose_triplets(catalogue: Catalogue, claims: Iterable[Claim], source: str) -> int:
    """Put these into the queue; what was proposed before, decided or not, stays as it is. Returns how many are new."""
    before = Triplet.objects.filter(catalogue=catalogue).count()
    Triplet.objects.bulk_create(
        [
            Triplet(catalogue=catalogue, anchor_id=anchor, positive_id=positive, negative_id=negative, source=source)
            for anchor, positive, negative in claims
        ],
        ignore_conflicts=True,
        batch_size=2000,
    )
    return Triplet.objects.filter(catalogue=catalogue).count() - before


def next_triplet(catalogue: Catalogue, reviewer: str = "") -> Triplet | None:
    """One that nobody has decided, with its three pictures; one with a flagged item is passed over.

    Each reviewer goes through the queue from a place of their own, by their name, and round to it again: people who
    review at the same time hardly meet, and nothing has to be reserved for somebody who went away. Without a name the
    oldest comes first.
    """
    usable = unflagged(active_items(catalogue)).values("pk")
    waiting = Triplet.objects.filter(catalogue=catalogue, state=TripletState.PROPOSED)
    waiting = waiting.filter(anchor__in=usable, positive__in=usable, negative__in=usable)
    ordered = waiting.select_related(
        *(f"{role}__{shown}" for role in ("anchor", "positive", "negative") for shown in ("picture", "cutout"))
    ).order_by("pk")
    if not reviewer:
        return ordered.first()
    return ordered.filter(pk__gte=_start_of(catalogue, reviewer)).first() or ordered.first()


@recorded("reviewed", "triplet {triplet} of catalogue {catalogue}", "{state}")
@transaction.atomic
def decide_triplet(catalogue: Catalogue, triplet: int, state: str, *, by: str = "") -> Triplet:
    """Accept or reject a triplet, or make it wait again, in the name of an operator.

    Raises NotFound, InvalidInput, and Conflict for what somebody else has decided.
    """
    if state not in TripletState.values:
        raise InvalidInput(f"{state!r} is no decision; choose one of {', '.join(TripletState.values)}.")
    row = Triplet.objects.select_for_update(no_key=True).filter(catalogue=catalogue, pk=triplet).first()
    if row is None:
        raise NotFound(f"{catalogue} has no triplet {triplet}.")
    if row.state != TripletState.PROPOSED and row.decided_by not in {"", by}:
        raise Conflict(f"{row.decided_by} has {row.state} triplet {triplet} already.")
    waits = state == TripletState.PROPOSED
    row.state, row.decided_at, row.decided_by = state, None if waits else timezone.now(), "" if waits else by
    row.save(update_fields=["state", "decided_at", "decided_by"])
    return row


def triplet_counts(catalogue: Catalogue) -> dict[str, int]:
    """How many triplets are in each state."""
    rows = Triplet.objects.filter(catalogue=catalogue).values_list("state").annotate(n=Count("pk")).order_by()
    return {**dict.fromkeys(TripletState.values, 0), **dict(rows)}


def last_decided(catalogue: Catalogue, by: str) -> Triplet | None:
    """What this operator decided last, to be taken back."""
    decided = Triplet.objects.filter(catalogue=catalogue, decided_by=by).exclude(decided_at=None)
    return decided.order_by("-decided_at").first()


def reviewer_counts(catalogue: Catalogue) -> dict[str, int]:
    """How many triplets each operator has decided, the busiest first; those of nobody's name under an empty one."""
    decided = Triplet.objects.filter(catalogue=catalogue).exclude(decided_at=None)
    return dict(decided.values_list("decided_by").annotate(n=Count("pk")).order_by("-n", "decided_by"))


def decided_after(catalogue: Catalogue, after: int, limit: int) -> list[Triplet]:
    """Decided triplets with their items, by id, those after one only."""
    rows = Triplet.objects.filter(catalogue=catalogue, pk__gt=after).exclude(decided_at=None)
    return list(rows.select_related("anchor", "positive", "negative").order_by("pk")[:limit])


def triplet_decisions(catalogue: Catalogue) -> Decisions:
    """What people said, for whoever learns from it. Flagged items take no part."""
    usable = unflagged(active_items(catalogue)).values("pk")
    decided = Triplet.objects.filter(catalogue=catalogue, anchor__in=usable, positive__in=usable, negative__in=usable)
    rows = decided.order_by("pk").values_list("state", "anchor", "positive", "negative")
    claims: dict[str, list[Claim]] = defaultdict(list)
    for state, *claim in rows:
        claims[state].append((claim[0], claim[1], claim[2]))
    return Decisions(claims[TripletState.ACCEPTED], claims[TripletState.REJECTED])


def _start_of(catalogue: Catalogue, reviewer: str) -> int:
    """Where in the queue of ids a reviewer begins: the same place for one name while the queue is as long."""
    ends = Triplet.objects.filter(catalogue=catalogue).aggregate(first=Min("pk"), last=Max("pk"))
    if ends["first"] is None:
        return 0
    share = int.from_bytes(hashlib.sha256(reviewer.encode()).digest()[:4], "big") / 2**32
    return int(ends["first"] + share * (ends["last"] - ends["first"] + 1))


def check_number(number: int) -> None:
    """Raise InvalidInput for a number of triplets that cannot be proposed at once."""
    if not 1 <= number <= MOST_AT_ONCE:
        raise InvalidInput(f"Propose between 1 and {MOST_AT_ONCE:,} triplets at once, not {number}.")


def _draw_claims(rows: Sequence[_Row], number: int, rng: np.random.Generator) -> list[Claim]:
    by_product, by_category = _group_rows(rows, "product"), _group_rows(rows, "category")
    claims: dict[Claim, None] = {}
    for row_index in rng.permutation(len(rows)).tolist():
        anchor = rows[row_index]
        positive = _pick_positive(anchor, by_product, by_category, rng)
        negative = None if positive is None else _pick_negative(anchor, positive.domain, rows, by_category, rng)
        if positive is not None and negative is not None:
            claims[anchor.item, positive.item, negative.item] = None
        if len(claims) == number:
            break
    return list(claims)


def _pick_positive(
    anchor: _Row, by_product: dict[str, list[_Row]], by_category: dict[str, list[_Row]], rng: np.random.Generator
) -> _Row | None:
    same = [row for row in by_product.get(anchor.product, ()) if row.item != anchor.item]
    across = [row for row in same if row.domain != anchor.domain]
    return _pick_one(across or same, rng) or _pick_fitting(
        by_category.get(anchor.category, ()), rng, lambda row: _is_kin(row, anchor)
    )


def _is_kin(row: _Row, anchor: _Row) -> bool:
    """Whether a row of the anchor's category will do as its positive: not itself, and not a known other product."""
    return row.item != anchor.item and not (anchor.product and row.product)


def _pick_negative(
    anchor: _Row, domain: str, rows: Sequence[_Row], by_category: dict[str, list[_Row]], rng: np.random.Generator
) -> _Row | None:
    """From the positive's domain: a street picture against a shop picture of the right product would teach domains."""
    if anchor.product:
        same_category = _pick_fitting(
            by_category.get(anchor.category, ()),
            rng,
            lambda row: row.domain == domain and bool(row.product) and row.product != anchor.product,
        )
        if same_category is not None:
            return same_category
    return _pick_fitting(
        rows, rng, lambda row: row.domain == domain and bool(row.category) and row.category != anchor.category
    )


def _pick_fitting(rows: Sequence[_Row], rng: np.random.Generator, fits: Callable[[_Row], bool]) -> _Row | None:
    """The first row that fits, looking from a random place on."""
    start = int(rng.integers(len(rows))) if rows else 0
    in_turn = (rows[(start + step) % len(rows)] for step in range(len(rows)))
    return next((row for row in in_turn if fits(row)), None)


def _pick_one(rows: Sequence[_Row], rng: np.random.Generator) -> _Row | None:
    return rows[int(rng.integers(len(rows)))] if rows else None


def _group_rows(rows: Sequence[_Row], name: str) -> dict[str, list[_Row]]:
    groups: dict[str, list[_Row]] = defaultdict(list)
    for row in rows:
        if label := getattr(row, name):
            groups[label].append(row)
    return groups
