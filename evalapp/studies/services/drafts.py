"""Making a draft study: who competes, and on which pictures."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from django.db import IntegrityError, transaction

from evalapp.catalog.domain.box_styles import MOST_MARGIN as MOST_MARGIN_OF_BOX
from evalapp.catalog.domain.label_scopes import checked_labels
from evalapp.catalog.models import Catalogue
from evalapp.catalog.services.cutouts import ensure_cutouts
from evalapp.contenders.queries.registered_models import parse_contender
from evalapp.contenders.services.registration import ensure_embedding
from evalapp.core.domain.errors import Conflict, InvalidInput
from evalapp.core.domain.values.slugs import check_slug
from evalapp.core.domain.values.storable_texts import check_text
from evalapp.core.domain.values.whole_numbers import MOST_STORED
from evalapp.core.services.deeds import recorded
from evalapp.studies.domain.question_texts import usual_question
from evalapp.studies.domain.usual_shares import USUAL_GOLD_SHARE, USUAL_MARGIN, USUAL_REPEAT_SHARE
from evalapp.studies.models import (
    LONGEST_WORDS,
    BoardVisibility,
    Contender,
    Gallery,
    Query,
    SamplingMethod,
    Study,
    StudyMode,
)
from evalapp.studies.services.item_sampling import Scope, choose_gallery, choose_queries

CONTROL = "control"
EXCLUSIONS = ("none", "product", "once")
"""What is never nominated: the picture itself alone; the query's product; of each product all but its nearest picture.
"""
MOST_GALLERY = 20_000
MOST_QUERIES = 1_000
"""What a study takes when it is not told: the size of the original's experiment."""
MOST_SHARE = 0.5
"""No more of the stream than this may be pairs with a known answer, and as much repeats."""
MOST_MARGIN = 0.2
"""Largest margin of "within a margin of the best": further below is not near."""


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
    gallery_labels: Mapping[str, Sequence[str]] = field(default_factory=dict)
    query_labels: Mapping[str, Sequence[str]] = field(default_factory=dict)
    control: bool = True
    seed: int = 0
    title: str = ""
    question: str = ""
    board: str = BoardVisibility.PRIVATE
    mode: str = StudyMode.SWIPE
    random_sides: bool = False
    dim_boxes: bool = False
    box_margin: int = 0
    sampling: str = SamplingMethod.ADAPTIVE
    sampling_strata: bool = False
    training_pictures: bool = False
    follows_catalogue: bool = False
    margin: float = USUAL_MARGIN
    gold_share: float = USUAL_GOLD_SHARE
    repeat_share: float = USUAL_REPEAT_SHARE


@recorded("drafted", "study {plan.slug}")
def create_study(plan: StudyPlan) -> Study:
    """A draft study: contenders, and a seeded choice of gallery and queries. Nothing is computed yet.

    The choice depends on the seed and on the keys of the catalogue's items alone, so that it can be repeated
    elsewhere. Raises InvalidInput for invalid values, Conflict if the slug is taken.
    """
    _check_plan(plan)
    contenders = [parse_contender(text) for text in plan.contenders]
    names = [contender.name for contender in contenders]
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise InvalidInput(f"{', '.join(doubled)} is named twice.")
    gallery, queries = _choose_items(plan, [contender.model.pk for contender in contenders])
    try:
        with transaction.atomic():
            study = _write_study(plan)
            Gallery.objects.create(study=study, items=gallery)
            Query.objects.bulk_create(
                [Query(study=study, item_id=item, position=position) for position, item in enumerate(queries)],
                batch_size=2000,
            )
            ensure_cutouts({*gallery, *queries}, study.box_style)
            for contender in contenders:
                embedding = ensure_embedding(contender.model, contender.tap, plan.catalogue)
                Contender.objects.create(study=study, name=contender.name, embedding=embedding, metric=contender.metric)
            if plan.control:
                Contender.objects.create(study=study, name=CONTROL)
    except IntegrityError as error:
        raise Conflict(f"There is a study {plan.slug} already; choose another name.") from error
    return study


def _check_plan(plan: StudyPlan) -> None:
    check_slug(plan.slug)
    check_text("title", plan.title, LONGEST_WORDS)
    check_text("question", plan.question, LONGEST_WORDS)
    if not plan.contenders:
        raise InvalidInput("A study needs at least one --contender MODEL.TAP:METRIC.")
    for name in ("gallery", "queries", "top_k"):
        number = getattr(plan, name)
        if number is not None and number < 1:
            raise InvalidInput(f"--{name.replace('_', '-')} must be at least 1.")
        if number is not None and number > MOST_STORED:
            raise InvalidInput(f"--{name.replace('_', '-')} is at most {MOST_STORED:,}.")
    if plan.top_k > 1000:
        raise InvalidInput("--top-k is at most 1000.")
    if not 0 <= plan.seed < 2**63:
        raise InvalidInput("--seed must be a whole number from 0.")
    _check_choices(plan)
    if not 0 <= plan.margin <= MOST_MARGIN:
        raise InvalidInput(f"--margin must be between 0 and {MOST_MARGIN}: 0.02 is two points of approval.")
    if not 0 <= plan.box_margin <= MOST_MARGIN_OF_BOX:
        raise InvalidInput(f"--box-margin must be between 0 and {MOST_MARGIN_OF_BOX}: per cent of the box's sides.")
    for name in ("gold_share", "repeat_share"):
        if not 0 <= getattr(plan, name) <= MOST_SHARE:
            raise InvalidInput(f"--{name.replace('_', '-')} must be between 0 and {MOST_SHARE}.")


def _check_choices(plan: StudyPlan) -> None:
    if plan.exclude not in EXCLUSIONS:
        raise InvalidInput(f"{plan.exclude!r} is no policy; choose one of {', '.join(EXCLUSIONS)}.")
    checked_labels(plan.gallery_labels)
    checked_labels(plan.query_labels)
    if plan.mode not in StudyMode.values:
        raise InvalidInput(f"{plan.mode!r} is not a mode; choose one of {', '.join(StudyMode.values)}.")
    if plan.board not in BoardVisibility.values:
        raise InvalidInput(f"A board is {', '.join(BoardVisibility.values)}; {plan.board!r} is none of them.")
    if plan.sampling not in SamplingMethod.values:
        raise InvalidInput(f"{plan.sampling!r} is no way to draw; choose one of {', '.join(SamplingMethod.values)}.")


def _choose_items(plan: StudyPlan, models: Collection[int]) -> tuple[list[int], list[int]]:
    """Ids of the gallery, in the order of their keys, and of the queries, in a random order.

    None is a picture that one of the models was trained on, unless the operator insists.
    """
    unseen_by = () if plan.training_pictures else models
    if plan.gallery == 1:
        raise InvalidInput("--gallery must be at least 2: a picture is never its own neighbour.")
    gallery_scope, query_scope = (
        Scope(plan.gallery_domain, plan.gallery_labels),
        Scope(plan.query_domain, plan.query_labels),
    )
    gallery = choose_gallery(plan.catalogue, gallery_scope, plan.gallery or MOST_GALLERY, plan.seed, unseen_by)
    if len(gallery) < 2:
        if unseen_by and len(choose_gallery(plan.catalogue, gallery_scope, 2, plan.seed)) == 2:
            raise InvalidInput(
                f"The contenders were trained on all but {len(gallery)} items of {plan.catalogue}: import pictures "
                "that they have not seen, or insist with --allow-training-pictures (the board will say so)."
            )
        where = f" with {gallery_scope.text}" if gallery_scope else ""
        raise InvalidInput(f"The catalogue {plan.catalogue} has {len(gallery)} items{where}; a study needs at least 2.")
    count = plan.queries or MOST_QUERIES
    queries = choose_queries(plan.catalogue, query_scope, gallery, count, plan.seed, unseen_by=unseen_by)
    if not queries:
        raise InvalidInput(f"The catalogue {plan.catalogue} has no items with {query_scope.text}.")
    return gallery, queries


def _write_study(plan: StudyPlan) -> Study:
    return Study.objects.create(
        slug=plan.slug,
        title=plan.title or plan.slug.replace("-", " ").capitalize(),
        question=plan.question.strip() or usual_question(plan.mode),
        catalogue=plan.catalogue,
        catalogue_version=plan.catalogue.version,
        seed=plan.seed,
        gallery_size=plan.gallery,
        query_count=plan.queries,
        gallery_domain=plan.gallery_domain,
        query_domain=plan.query_domain,
        gallery_labels=checked_labels(plan.gallery_labels),
        query_labels=checked_labels(plan.query_labels),
        top_k=plan.top_k,
        exclude=plan.exclude,
        board=plan.board,
        mode=plan.mode,
        random_sides=plan.random_sides,
        dim_boxes=plan.dim_boxes,
        box_margin=plan.box_margin,
        sampling=plan.sampling,
        sampling_strata=plan.sampling_strata,
        training_pictures=plan.training_pictures,
        follows_catalogue=plan.follows_catalogue,
        margin=plan.margin,
        gold_share=plan.gold_share,
        repeat_share=plan.repeat_share,
    )
