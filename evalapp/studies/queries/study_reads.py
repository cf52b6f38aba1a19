"""Reading studies: one, all, the open ones."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import Exists, F, IntegerField, OuterRef, Prefetch, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from evalapp.core.domain.errors import NotFound
from evalapp.core.domain.values.slugs import first_free, slug_from
from evalapp.studies.models import Contender, Evaluation, Pair, Query, Study, StudyState

OPENED = (StudyState.OPEN, StudyState.CLOSED)


def study_by_slug(slug: str) -> Study:
    """The study; raises NotFound."""
    study = Study.objects.select_related("catalogue").filter(slug=slug).first()
    if study is None:
        raise NotFound(f"There is no study {slug}.")
    return study


def opened_study(slug: str) -> Study:
    """The study, if people vote on it or have; raises NotFound. What was not opened does not exist for visitors."""
    study = study_by_slug(slug)
    if study.state not in OPENED:
        raise NotFound(f"There is no study {slug}.")
    return study


def free_study_slug(title: str) -> str:
    """A name for addresses made from the title, with a number where it is taken."""
    stem = slug_from(title, "study")
    return first_free(stem, set(Study.objects.filter(slug__startswith=stem).values_list("slug", flat=True)))


def study_with_contenders(slug: str) -> Study:
    """The study with `line_up`, its contenders in the order they entered; raises NotFound."""
    line_up = Contender.objects.select_related("embedding__model").order_by("pk")
    studies = Study.objects.select_related("catalogue", "previous").prefetch_related(
        Prefetch("contenders", line_up, "line_up")
    )
    study = studies.filter(slug=slug).first()
    if study is None:
        raise NotFound(f"There is no study {slug}.")
    return study


def _sum_by_study(field: str, rows: QuerySet[Any]) -> Coalesce:
    sums = rows.values("study").annotate(total=Sum(field)).values("total")
    return Coalesce(Subquery(sums, output_field=IntegerField()), 0)


def studies_with_progress() -> QuerySet[Study]:
    """Studies with `pairs` that can be shown and `answers` given, as two sub-queries and not one per row."""
    shown = Pair.objects.filter(study=OuterRef("pk"), slot__isnull=False)
    queries = Query.objects.filter(study=OuterRef("pk"))
    return Study.objects.select_related("catalogue").annotate(
        # Of the index whose answers people spoke of in it, where it is of that kind: such a study is never opened.
        index_slug=F("search_index__slug"),
        pair_count=_sum_by_study("slots", queries),
        dopes=_sum_by_study("dope", shown),
        nopes=_sum_by_study("nope", shown),
    )


def votes_told(study: Study) -> int:
    """How many votes visitors are told of, for a study with progress.

    While people vote it moves in the same large steps as the published board: a number that rose with every vote on a
    pair of the design, and not with known answers, would tell which pairs those are.
    """
    return study.published_votes if study.is_open else votes_of(study)


def votes_of(study: Study) -> int:
    """Verdicts that count as of now, for a study with progress."""
    return int(getattr(study, "dopes", 0) + getattr(study, "nopes", 0))


def open_studies() -> QuerySet[Study]:
    """What people may vote on now; of a study and its next rounds the newest that is open."""
    later = Study.objects.filter(previous=OuterRef("pk"), state=StudyState.OPEN)
    return studies_with_progress().filter(~Exists(later), state=StudyState.OPEN)


def next_round_of(study: Study) -> Study | None:
    """The round after this one, the newest where there are several."""
    return study.following.order_by("-pk").first()


def due_rounds(rest: timedelta) -> QuerySet[Study]:
    """Open studies that follow their catalogue, where it has changed and then been at rest for so long."""
    following = Study.objects.filter(state=StudyState.OPEN, follows_catalogue=True, following=None)
    quiet = following.filter(catalogue__updated_at__lte=timezone.now() - rest)
    return quiet.filter(catalogue__version__gt=F("catalogue_version")).select_related("catalogue")


def stored_evaluation(study: Study) -> dict[str, Any] | None:
    """The automatic scores as they were last computed, in the form of `evaluate --json`; None before that."""
    document = Evaluation.objects.filter(study=study).values_list("document", flat=True).first()
    return document if isinstance(document, dict) else None


def contender_named(study: Study, name: str) -> Contender:
    """Raises NotFound."""
    contender = Contender.objects.filter(study=study, name=name).first()
    if contender is None:
        raise NotFound(f"{study} has no contender {name}.")
    return contender
