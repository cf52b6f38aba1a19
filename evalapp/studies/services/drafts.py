"""Making a draft study: who competes, and on which pictures."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from django.db import IntegrityError, transaction

from evalapp.catalog.models import Catalogue
from evalapp.contenders.queries import parse_contender
from evalapp.contenders.services import ensure_embedding
from evalapp.core.errors import Conflict, InvalidInput
from evalapp.studies.models import (
    BoardVisibility,
    Contender,
    Gallery,
    Query,
    SamplingMethod,
    Study,
    StudyMode,
)
from evalapp.studies.services.choice import choose_gallery, choose_queries

CONTROL = "control"
MOST_GALLERY = 20_000
MOST_QUERIES = 1_000
"""What a study takes when it is not told: the size of the original's experiment."""
MOST_SHARE = 0.5
"""No more of the stream than this may be pairs with a known answer, and as much repeats."""

_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,79}")


@dataclass(frozen=True, slots=True)
class StudyPlan:
    """What a study is made from. `gallery` and `queries` are numbers of items; None takes the usual."""

    slug: str
    catalogue: Catalogue
    contenders: Sequence[str]
    gallery: int | None = None
    queries: int | None = None
    top_k: int = 10
    exclude: str = "none"
    gallery_domain: str = ""
    query_domain: str = ""
    control: bool = True
    seed: int = 0
    title: str = ""
    question: str = "Do these two match?"
    board: str = BoardVisibility.PRIVATE
    mode: str = StudyMode.SWIPE
    random_sides: bool = False
    sampling: str = SamplingMethod.ADAPTIVE
    sampling_strata: bool = False
    training_pictures: bool = False
    follows_catalogue: bool = False
    gold_share: float = 0.05
    repeat_share: float = 0.02


def create_study(plan: StudyPlan) -> Study:
    """A draft study: contenders, and a seeded choice of gallery and queries. Nothing is computed yet.

    The choice depends on the seed and on the keys of the catalogue's items alone, so that it can be repeated
    elsewhere. Raises InvalidInput for words that are off, Conflict if the slug is taken.
    """
    _check(plan)
    words = [parse_contender(text) for text in plan.contenders]
    names = [word.name for word in words]
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise InvalidInput(f"{', '.join(doubled)} is named twice.")
    gallery, queries = _choose(plan, [word.model.pk for word in words])
    try:
        with transaction.atomic():
            study = _write_study(plan)
            Gallery.objects.create(study=study, items=gallery)
            Query.objects.bulk_create(
                [Query(study=study, item_id=item, position=position) for position, item in enumerate(queries)],
                batch_size=2000,
            )
            for word in words:
                embedding = ensure_embedding(word.model, word.tap, plan.catalogue)
                Contender.objects.create(study=study, name=word.name, embedding=embedding, metric=word.metric)
            if plan.control:
                Contender.objects.create(study=study, name=CONTROL)
    except IntegrityError as error:
        raise Conflict(f"There is a study {plan.slug} already; choose another name.") from error
    return study


def _check(plan: StudyPlan) -> None:
    if not _SLUG.fullmatch(plan.slug):
        raise InvalidInput(f"{plan.slug!r} cannot stand in an address; use small letters, digits and dashes.")
    if not plan.contenders:
        raise InvalidInput("A study needs at least one --contender MODEL.TAP:METRIC.")
    for name in ("gallery", "queries", "top_k"):
        number = getattr(plan, name)
        if number is not None and number < 1:
            raise InvalidInput(f"--{name.replace('_', '-')} must be at least 1.")
    if plan.top_k > 1000:
        raise InvalidInput("--top-k is at most 1000.")
    if not 0 <= plan.seed < 2**63:
        raise InvalidInput("--seed must be a whole number from 0.")
    if plan.mode not in StudyMode.values:
        raise InvalidInput(f"{plan.mode!r} is not a mode; choose one of {', '.join(StudyMode.values)}.")
    for name in ("gold_share", "repeat_share"):
        if not 0 <= getattr(plan, name) <= MOST_SHARE:
            raise InvalidInput(f"--{name.replace('_', '-')} must be between 0 and {MOST_SHARE}.")


def _choose(plan: StudyPlan, models: Collection[int]) -> tuple[list[int], list[int]]:
    """Ids of the gallery, in the order of their keys, and of the queries, in a random order.

    None is a picture that one of the models was trained on, unless the operator insists.
    """
    unseen_by = () if plan.training_pictures else models
    if plan.gallery == 1:
        raise InvalidInput("--gallery must be at least 2: a picture is never its own neighbour.")
    gallery = choose_gallery(plan.catalogue, plan.gallery_domain, plan.gallery or MOST_GALLERY, plan.seed, unseen_by)
    if len(gallery) < 2:
        if unseen_by and len(choose_gallery(plan.catalogue, plan.gallery_domain, 2, plan.seed)) == 2:
            raise InvalidInput(
                f"The contenders were trained on all but {len(gallery)} items of {plan.catalogue}: import pictures "
                "that they have not seen, or insist with --allow-training-pictures (the board will say so)."
            )
        where = f" of the domain {plan.gallery_domain!r}" if plan.gallery_domain else ""
        raise InvalidInput(f"The catalogue {plan.catalogue} has {len(gallery)} items{where}; a study needs at least 2.")
    count = plan.queries or MOST_QUERIES
    queries = choose_queries(plan.catalogue, plan.query_domain, gallery, count, plan.seed, unseen_by=unseen_by)
    if not queries:
        raise InvalidInput(f"The catalogue {plan.catalogue} has no items of the domain {plan.query_domain!r}.")
    return gallery, queries


def _write_study(plan: StudyPlan) -> Study:
    return Study.objects.create(
        slug=plan.slug,
        title=plan.title or plan.slug.replace("-", " ").capitalize(),
        question=plan.question,
        catalogue=plan.catalogue,
        catalogue_version=plan.catalogue.version,
        seed=plan.seed,
        gallery_size=plan.gallery,
        query_count=plan.queries,
        gallery_domain=plan.gallery_domain,
        query_domain=plan.query_domain,
        top_k=plan.top_k,
        exclude=plan.exclude,
        board=plan.board,
        mode=plan.mode,
        random_sides=plan.random_sides,
        sampling=plan.sampling,
        sampling_strata=plan.sampling_strata,
        training_pictures=plan.training_pictures,
        follows_catalogue=plan.follows_catalogue,
        gold_share=plan.gold_share,
        repeat_share=plan.repeat_share,
    )
