"""The winner put to work: a search that answers with its encoder and metric."""

from __future__ import annotations

from django.db import transaction

from evalapp.core.domain.errors import Conflict
from evalapp.core.domain.values.slugs import first_free
from evalapp.core.models import Job
from evalapp.core.services.deeds import recorded
from evalapp.core.services.jobs import request_job
from evalapp.search.models import SearchIndex
from evalapp.search.services.search_indexes import IndexPlan, create_index
from evalapp.studies.models import Contender


@recorded("adopted", "contender {contender}")
def adopt_contender(contender: Contender, slug: str = "") -> tuple[SearchIndex, Job]:
    """An index over the study's catalogue that answers as this contender did, and the job that builds it.

    Asked for twice it is the same index. Raises Conflict for a contender without an encoder: the control, a black box.
    """
    embedding = contender.embedding
    if embedding is None:
        raise Conflict(f"{contender} has no encoder of ours: there is nothing to put to work.")
    existing = SearchIndex.objects.filter(embedding=embedding, metrics__0=contender.metric).order_by("-pk").first()
    with transaction.atomic():
        index = existing if existing and not slug else _create_index_of(contender, slug)
        return index, request_job("index", f"index:{index.pk}")


def _create_index_of(contender: Contender, slug: str) -> SearchIndex:
    embedding = contender.embedding
    if embedding is None:
        raise Conflict(f"{contender} has no encoder of ours.")
    catalogue = embedding.catalogue.slug
    taken = set(SearchIndex.objects.filter(slug__startswith=catalogue[:70]).values_list("slug", flat=True))
    encoder = embedding.model.name
    if len(embedding.model.spec["taps"]) > 1:
        encoder = f"{encoder}.{embedding.tap}"
    name = slug or first_free(catalogue[:70], taken)
    return create_index(IndexPlan(slug=name, catalogue=catalogue, encoder=encoder, metrics=[contender.metric]))
