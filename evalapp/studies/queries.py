"""Reading studies: one, all, the open ones."""

from __future__ import annotations

from typing import Any

from django.db.models import IntegerField, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from evalapp.core.errors import NotFound
from evalapp.studies.models import Pair, Query, Study, StudyState


def study_by_slug(slug: str) -> Study:
    """The study; raises NotFound."""
    study = Study.objects.select_related("catalogue").filter(slug=slug).first()
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
