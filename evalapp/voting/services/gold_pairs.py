"""Pairs whose answer is known: the same picture treated or the same product (yes), and a random picture (no)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from django.db import transaction

from evalapp.catalog.domain.originals import store_original
from evalapp.catalog.models import Cutout, Item, Picture
from evalapp.catalog.queries import shown_of
from evalapp.catalog.services.renditions import ensure_renditions, image_of
from evalapp.studies.models import Pair, Query, Study
from evalapp.studies.queries.galleries import gallery_items
from evalapp.voting.domain.augmentation import likely_size, treat_picture
from evalapp.voting.models import Answer, Gold
from models_registry.pictures import BadPicture

MOST_QUERIES = 100
"""Queries that get a known yes and a known no each."""
_TRIES = 40


def prepare_golds(study: Study, most: int = MOST_QUERIES) -> int:
    """Make the study's pairs with known answers, once; returns how many there are.

    Which queries get them depends on the seed. A study without gold share gets none.
    """
    if study.gold_share <= 0:
        return 0
    with transaction.atomic():
        # Whoever comes second finds them made.
        Study.objects.select_for_update(no_key=True).get(pk=study.pk)
        if not Gold.objects.filter(study=study).exists():
            _make_golds(study, most)
    _draw_renditions(study)
    return Gold.objects.filter(study=study).count()


def _draw_renditions(study: Study) -> None:
    """Ahead, as for all other pairs: a picture that is made when it is asked for would come later than others."""
    golds = Gold.objects.filter(study=study)
    untreated = golds.filter(picture=None).values_list("pair__candidate", flat=True)
    shown = shown_of(untreated, study.box_style).values()
    treated_ones = golds.filter(picture__isnull=False).values_list("picture", flat=True)
    ensure_renditions(
        [*treated_ones, *(picture.pk for picture in shown if isinstance(picture, Picture))],
        [picture.pk for picture in shown if isinstance(picture, Cutout)],
    )


def _make_golds(study: Study, most: int) -> None:
    rng = np.random.default_rng([study.seed, 0x60D])
    queries = list(Query.objects.filter(study=study, slots__gt=0).select_related("item").order_by("position"))
    gallery = gallery_items(study.pk)
    for index in rng.permutation(len(queries))[:most].tolist():
        query = queries[index]
        others = _random_items(gallery, rng)
        taken = set(Pair.objects.filter(query=query).values_list("candidate_id", flat=True))
        yes = _same_picture(study, query, rng) or _same_product(study, query, gallery, taken)
        no = _unrelated_item(query, others, taken)
        # One without the other would let people learn that odd pairs are of one kind.
        if yes is not None and no is not None:
            yes.save()
            pair = Pair.objects.create(study=study, query=query, candidate=no)
            Gold.objects.create(study=study, pair=pair, expected=Answer.NOPE)


def _random_items(gallery: list[int], rng: np.random.Generator) -> list[Item]:
    chosen = rng.choice(gallery, min(_TRIES, len(gallery)), replace=False).tolist()
    items = Item.objects.filter(removed=False).select_related("picture").in_bulk(chosen)
    return [items[item] for item in chosen if item in items]


def _same_picture(study: Study, query: Query, rng: np.random.Generator) -> Gold | None:
    """What is shown of the query, treated; None where it cannot be read."""
    rows = Pair.objects.filter(query=query, slot__isnull=False).order_by("slot")
    candidates = list(rows.values_list("candidate", flat=True))
    shown = shown_of([query.item_id, *candidates], study.box_style)
    query_picture = shown[query.item_id]
    sizes = [(shown[item].width, shown[item].height) for item in candidates]
    mixed = [sizes[index] for index in rng.permutation(len(sizes)).tolist()]
    size = likely_size((query_picture.width, query_picture.height), mixed)
    try:
        original = store_original(treat_picture(image_of(query_picture), size, rng))
    except (BadPicture, OSError):
        return None
    stored, _ = Picture.objects.get_or_create(
        sha256=original.sha256,
        defaults={
            "file": original.file, "width": original.width, "height": original.height, "size": original.size,
            "made_from": query.item.picture,
        },
    )  # fmt: skip
    pair, is_new = Pair.objects.get_or_create(query=query, candidate=query.item, defaults={"study": study})
    return Gold(study=study, pair=pair, picture=stored, expected=Answer.DOPE) if is_new else None


def _same_product(study: Study, query: Query, gallery: list[int], taken: set[int]) -> Gold | None:
    """Another picture of the query's product that nobody nominated; None where there is none."""
    item = query.item
    if not item.product:
        return None
    same = Item.objects.filter(catalogue=study.catalogue, product=item.product, removed=False, pk__in=gallery)
    other = same.exclude(pk__in={item.pk, *taken}).order_by("key").first()
    if other is None:
        return None
    pair = Pair.objects.create(study=study, query=query, candidate=other)
    return Gold(study=study, pair=pair, expected=Answer.DOPE)


def _unrelated_item(query: Query, others: list[Item], taken: set[int]) -> Item | None:
    """A random picture of another category and product that nobody nominated, as far as labels tell."""
    return next(_items_unlike(query.item, [other for other in others if other.pk not in taken]), None)


def _items_unlike(item: Item, others: list[Item]) -> Iterator[Item]:
    for other in others:
        same_category = bool(item.category) and item.category == other.category
        same_product = bool(item.product) and item.product == other.product
        if other.pk != item.pk and not same_category and not same_product:
            yield other
