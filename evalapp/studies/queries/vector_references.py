"""The vectors that studies need: of their galleries and queries, at their contenders' taps."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from evalapp.contenders.queries.vector_references import Need
from evalapp.studies.models import Contender, Query, Study
from evalapp.studies.queries.galleries import gallery_items


def of_studies() -> Iterator[Need]:
    """One need for every contender that has vectors."""
    contenders = Contender.objects.exclude(embedding=None).select_related("study", "embedding__model")
    for contender in contenders.order_by("study__slug", "pk"):
        if contender.embedding is not None:
            items = partial(_items_of_study, contender.study)
            yield Need(contender.study.slug, contender.embedding.model, contender.embedding.tap, items)


def _items_of_study(study: Study) -> set[int]:
    gallery = gallery_items(study.pk)
    return {*gallery, *Query.objects.filter(study=study).values_list("item_id", flat=True)}
