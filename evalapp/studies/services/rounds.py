"""The next round of a study: the same question on the catalogue as it is now, with what is unchanged in its place."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from typing import Any, Literal

from django.db import IntegrityError, transaction

from evalapp.catalog.models import Item
from evalapp.catalog.services.cutouts import ensure_cutouts
from evalapp.contenders.models import TrainedOn
from evalapp.contenders.queries.registered_models import ParsedContender, parse_contender
from evalapp.contenders.services.registration import ensure_embedding
from evalapp.core.domain.errors import Conflict, InvalidInput
from evalapp.core.domain.values.slugs import check_slug
from evalapp.core.services.deeds import recorded
from evalapp.studies.models import LONGEST_WORDS, Contender, Gallery, Query, Study
from evalapp.studies.services.drafts import CONTROL, MOST_GALLERY, MOST_QUERIES
from evalapp.studies.services.item_sampling import Scope, choose_gallery, choose_queries

QueryChoice = Literal["kept", "fresh"]

_ITS_OWN = {
    "id", "slug", "catalogue_version", "previous", "round", "seed", "state", "created_at", "opened_at", "closed_at",
    "published_votes", "archived_at", "title",
}  # fmt: skip
"""Fields of a study that a round does not inherit."""


@recorded("began round", "study {study}", "{result}")
def start_round(
    study: Study,
    *,
    slug: str | None = None,
    add: Sequence[str] = (),
    drop: Sequence[str] = (),
    queries: QueryChoice = "kept",
    seed: int | None = None,
) -> Study:
    """A draft that follows `study`: same question and policy, the catalogue at its present version.

    `add` are contenders in words (`MODEL.TAP:METRIC`), `drop` names of contenders that take part no more, as archived
    ones and black boxes do not. With queries `kept`, those that are still in the gallery keep their positions and
    vacant places are filled; with `fresh` ones none of an earlier round is asked again as long as there are others,
    and the seed moves on. Precomputing it searches again only what can have changed. Raises InvalidInput for words
    that are off or a slug that cannot stand in an address, Conflict for a taken slug.
    """
    study = Study.objects.select_related("catalogue").get(pk=study.pk)
    slug = slug or next_slug(study)
    check_slug(slug)
    if seed is None:
        seed = study.seed if queries == "kept" else (study.seed + 1) % 2**63
    added = [parse_contender(text) for text in add]
    unseen_by = _trained_models(study, added)
    size = study.gallery_size or MOST_GALLERY
    gallery = choose_gallery(study.catalogue, Scope(study.gallery_domain, study.gallery_labels), size, seed, unseen_by)
    if len(gallery) < 2:
        raise InvalidInput(f"The catalogue {study.catalogue} has {len(gallery)} items left; a round needs at least 2.")
    choose_items = _kept_queries if queries == "kept" else _fresh_queries
    query_items = choose_items(study, gallery, seed, unseen_by)
    contenders = list(_contender_fields(study, added, set(drop)))
    try:
        with transaction.atomic():
            following = _write_round(study, slug, seed)
            Gallery.objects.create(study=following, items=gallery)
            Query.objects.bulk_create(
                [Query(study=following, item_id=item, position=position) for position, item in enumerate(query_items)],
                batch_size=2000,
            )
            ensure_cutouts({*gallery, *query_items}, following.box_style)
            for fields in contenders:
                Contender.objects.create(study=following, **fields)
    except IntegrityError as error:
        raise Conflict(f"There is a study {slug} already; choose another name.") from error
    return following


def next_slug(study: Study) -> str:
    """`shoes` is followed by `shoes-r2`, that by `shoes-r3`."""
    stem = re.sub(rf"-r{study.round}$", "", study.slug) if study.round > 1 else study.slug
    ending = f"-r{study.round + 1}"
    return stem[: 80 - len(ending)] + ending


def next_title(study: Study) -> str:
    """`Shoes` is followed by `Shoes · round 2`, that by `Shoes · round 3`."""
    ending = f" · round {study.round + 1}"
    return study.title.removesuffix(f" · round {study.round}")[: LONGEST_WORDS - len(ending)] + ending


def _write_round(study: Study, slug: str, seed: int) -> Study:
    inherited: dict[str, Any] = {
        field.attname: getattr(study, field.attname)
        for field in Study._meta.concrete_fields  # noqa: SLF001 - Django documents it
        if field.name not in _ITS_OWN
    }
    return Study.objects.create(
        **inherited,
        slug=slug,
        title=next_title(study),
        catalogue_version=study.catalogue.version,
        previous=study,
        round=study.round + 1,
        seed=seed,
    )


def _kept_queries(study: Study, gallery: list[int], seed: int, unseen_by: Collection[int]) -> list[int]:
    """Keep queries at their positions, fill removed ones from a fresh sample, close gaps from the end."""
    successors = _current_rows(study)
    count = study.query_count or MOST_QUERIES
    scope = _asked_of(study)
    # Of all that may be asked, however many: membership is wanted here, not a sample.
    eligible = set(choose_queries(study.catalogue, scope, gallery, 1 << 62, seed, unseen_by=unseen_by))
    places = [
        successor if (successor := successors.get(item)) in eligible else None
        for item in study.queries.order_by("position").values_list("item_id", flat=True)
    ]
    kept = {item for item in places if item is not None}
    spare = iter(choose_queries(study.catalogue, scope, gallery, count, seed, kept, unseen_by))
    filled = [
        item if item is not None else next((spare_item for spare_item in spare if spare_item not in kept), None)
        for item in places
    ]
    filled += [spare_item for spare_item in spare if spare_item not in kept][: max(0, count - len(filled))]
    return _without_gaps(filled)


def _without_gaps(places: Sequence[int | None]) -> list[int]:
    """Positions are dense: where nobody is left to fill a place, the last one moves into it."""
    items = list(places)
    position = 0
    while position < len(items):
        if items[position] is not None:
            position += 1
        elif position == len(items) - 1:
            items.pop()
        else:
            items[position] = items.pop()
    return [item for item in items if item is not None]


def _trained_models(study: Study, added: Sequence[ParsedContender]) -> list[int]:
    """Models whose training pictures stay out of the next round: none where the operator insisted.

    What was learnt from votes is kept apart by fresh queries; without it a catalogue would be used up in a few rounds.
    """
    if study.training_pictures:
        return []
    before = study.contenders.exclude(embedding=None).values_list("embedding__model", flat=True)
    models = {*before, *(word.model.pk for word in added)}
    return list(TrainedOn.objects.filter(model__in=models, votes=False).values_list("model", flat=True))


def _fresh_queries(study: Study, gallery: list[int], seed: int, unseen_by: Collection[int]) -> list[int]:
    asked = Query.objects.filter(study__in=[earlier.pk for earlier in _rounds_before(study)])
    without = set(asked.values_list("item_id", flat=True))
    count = study.query_count or MOST_QUERIES
    return choose_queries(study.catalogue, _asked_of(study), gallery, count, seed, without, unseen_by)


def _asked_of(study: Study) -> Scope:
    return Scope(study.query_domain, study.query_labels)


def _rounds_before(study: Study) -> Iterator[Study]:
    """The study and all rounds before it."""
    earlier: Study | None = study
    while earlier is not None:
        yield earlier
        earlier = earlier.previous


def _current_rows(study: Study) -> dict[int, int]:
    """For each query item the row that bears its key now: itself, unless its picture was changed."""
    rows = study.queries.values_list("item_id", "item__key")
    id_by_key = dict(
        Item.objects.filter(catalogue=study.catalogue, removed=False, key__in=[key for _, key in rows]).values_list(
            "key", "pk"
        )
    )
    return {item: id_by_key[key] for item, key in rows if key in id_by_key}


def _contender_fields(study: Study, added: list[ParsedContender], dropped: set[str]) -> Iterator[dict[str, Any]]:
    """The fields of every contender of the next round; raises InvalidInput for names that do not fit."""
    before = list(study.contenders.order_by("pk"))
    names = {contender.name for contender in before}
    if unknown := dropped - names:
        raise InvalidInput(f"{study} has no contender {', '.join(sorted(unknown))}; it has {', '.join(sorted(names))}.")
    new = [word.name for word in added]
    if doubled := {name for name in new if new.count(name) > 1 or name in names - dropped}:
        raise InvalidInput(f"{', '.join(sorted(doubled))} would take part twice.")
    kept = [
        earlier_contender
        for earlier_contender in before
        if earlier_contender.name not in dropped
        and earlier_contender.archived_at is None
        and not earlier_contender.is_black_box
    ]
    if not added and all(contender.name == CONTROL for contender in kept):
        raise InvalidInput("Nobody but the control would take part; add a contender.")
    for contender in kept:
        yield {"name": contender.name, "embedding_id": contender.embedding_id, "metric": contender.metric}
    for word in added:
        embedding = ensure_embedding(word.model, word.tap, study.catalogue)
        yield {"name": word.name, "embedding_id": embedding.pk, "metric": word.metric}
