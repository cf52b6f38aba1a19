"""Reading studies: one, all, the open ones."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import F, IntegerField, OuterRef, Prefetch, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from evalapp.core.errors import NotFound
from evalapp.studies.models import Contender, Evaluation, Pair, Query, Study, StudyState


def study_by_slug(slug: str) -> Study:
    """The study; raises NotFound."""
    study = Study.objects.select_related("catalogue").filter(slug=slug).first()
    if study is None:
        raise NotFound(f"There is no study {slug}.")
    return study


def study_with_contenders(slug: str) -> Study:
    """The study with `line_up`, its contenders in the order they entered; raises NotFound."""
    line_up = Contender.objects.select_related("embedding__model").order_by("pk")
    found = Study.objects.select_related("catalogue", "previous").prefetch_related(
        Prefetch("contenders", line_up, "line_up")
    )
    study = found.filter(slug=slug).first()
    if study is None:
        raise NotFound(f"There is no study {slug}.")
    return study


def _summed(field: str, of: QuerySet[Any]) -> Coalesce:
    sums = of.values("study").annotate(total=Sum(field)).values("total")
    return Coalesce(Subquery(sums, output_field=IntegerField()), 0)


def studies_with_progress() -> QuerySet[Study]:
    """Studies with `pairs` that can be shown and `answers` given, as two sub-queries and not one per row."""
    shown = Pair.objects.filter(study=OuterRef("pk"), slot__isnull=False)
    queries = Query.objects.filter(study=OuterRef("pk"))
    return Study.objects.select_related("catalogue").annotate(
        pair_count=_summed("slots", queries),
        dopes=_summed("dope", shown),
        nopes=_summed("nope", shown),
    )


def open_studies() -> QuerySet[Study]:
    """What people may vote on now."""
    return studies_with_progress().filter(state=StudyState.OPEN)


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
    found = Evaluation.objects.filter(study=study).values_list("document", flat=True).first()
    return found if isinstance(found, dict) else None


def contender_named(study: Study, name: str) -> Contender:
    """Raises NotFound."""
    contender = Contender.objects.filter(study=study, name=name).first()
    if contender is None:
        raise NotFound(f"{study} has no contender {name}.")
    return contender
