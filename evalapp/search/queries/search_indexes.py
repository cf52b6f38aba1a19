"""Indexes: by name, all of them with how they are doing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import connection
from django.db.models import Prefetch, QuerySet
from django.utils import timezone

from evalapp.catalog.models import Catalogue
from evalapp.core.domain.errors import NotFound
from evalapp.search.models import Generation, Replica, SearchIndex

_ROWS = ("catalogue", "embedding__model", "serving", "locator", "masker")
_ALIVE = timedelta(seconds=15)
"""A search process that was not seen for so long is taken for gone."""


_SEARCHED = """
SELECT searched.id, searched.slug, searched.catalogue_id, searched.gallery_domain, searched.gallery_split,
       searched.is_public, catalogue.slug AS catalogue_slug, catalogue.last_change AS catalogue_change,
       EXISTS (SELECT 1 FROM search_livetest test
               WHERE test.first_id = searched.id AND test.closed_at IS NULL) AS is_tested
FROM search_searchindex searched JOIN catalog_catalogue catalogue ON catalogue.id = searched.catalogue_id
WHERE searched.slug = %s
"""
"""Written once: it is asked for every search, and Django needs longer to write it than PostgreSQL to answer."""


@dataclass(frozen=True, slots=True)
class Lag:
    """How far behind the catalogue the slowest living search process is; `changes` is None where none lives."""

    replicas: int
    changes: int | None
    waiting: int


def index_named(slug: str) -> SearchIndex:
    """Raises NotFound."""
    index = SearchIndex.objects.select_related(*_ROWS).filter(slug=slug).first()
    if index is None:
        raise NotFound(f"There is no index {slug!r}.")
    return index


def searched_index(slug: str) -> SearchIndex:
    """The same for whoever searches, which is often: what a lookup needs, with `is_tested`, whether a live test runs.
    Raises NotFound."""
    index = next(iter(SearchIndex.objects.raw(_SEARCHED, [slug])), None)
    if index is None:
        raise NotFound(f"There is no index {slug!r}.")
    catalogue_values = [getattr(index, name) for name in ("catalogue_id", "catalogue_slug", "catalogue_change")]
    index.catalogue = Catalogue.from_db(connection.alias, ("id", "slug", "last_change"), catalogue_values)
    return index


def public_index(slug: str) -> SearchIndex:
    """An index that visitors may search; raises NotFound for others as well: nobody shall learn what there is."""
    index = index_named(slug)
    if not index.is_public:
        raise NotFound(f"There is no index {slug!r}.")
    return index


def index_of_catalogue(catalogue: str, slug: str = "", *, every: bool = False) -> SearchIndex:
    """The index of this name over the catalogue, or the newest one that is public and serves; `every` includes those
    that are not public. Raises NotFound."""
    indexes = SearchIndex.objects.select_related(*_ROWS).order_by("-pk")
    indexes = indexes.filter(catalogue__slug=catalogue)
    indexes = indexes.filter(slug=slug) if slug else indexes.exclude(serving=None)
    index = (indexes if every else indexes.filter(is_public=True)).first()
    if index is None:
        raise NotFound(f"There is no index of {catalogue!r} to search in.")
    return index


def search_indexes() -> QuerySet[SearchIndex]:
    """All indexes with their living processes at hand."""
    alive = Replica.objects.filter(seen_at__gte=timezone.now() - _ALIVE)
    return SearchIndex.objects.select_related(*_ROWS).prefetch_related(Prefetch("replicas", alive, to_attr="alive"))


def public_indexes() -> QuerySet[SearchIndex]:
    """Those that visitors may search and that answer."""
    return SearchIndex.objects.filter(is_public=True, serving__isnull=False).select_related("catalogue")


def lag_of(index: SearchIndex) -> Lag:
    """For an index out of `search_indexes`."""
    alive: list[Replica] = getattr(index, "alive", [])
    if not alive:
        return Lag(0, None, 0)
    applied = min(replica.applied_change for replica in alive)
    return Lag(len(alive), max(0, index.catalogue.last_change - applied), max(replica.waiting for replica in alive))


def generations_of(index: SearchIndex) -> list[Generation]:
    """The newest first, with their jobs."""
    return list(index.generations.select_related("job", "follows").order_by("-number")[:20])


def identification_of(index: SearchIndex) -> dict[str, dict[str, float]]:
    """By product and category, where they could be calibrated: how many questions, which share was guessed right, and
    the calibration error on products unseen in the fit; of the usual metric."""
    levels = index.serving.identification.get(index.metric, {}) if index.serving else {}
    return {
        level: {name: round(fitted[name], 4) for name in ("questions", "right", "error")}
        for level, fitted in levels.items()
    }


def described_index(index: SearchIndex) -> dict[str, Any]:
    """An index as commands and the API tell of it."""
    lag, serving = lag_of(index), index.serving
    return {
        "index": index.slug,
        "catalogue": index.catalogue.slug,
        "encoder": f"{index.embedding.model.name}.{index.embedding.tap}",
        "metrics": list(index.metrics),
        "engine": index.engine,
        "gallery": {"domain": index.gallery_domain, "split": index.gallery_split},
        "locator": index.locator.name if index.locator else None,
        "masker": index.masker.name if index.masker else None,
        "public": index.is_public,
        "generation": serving.number if serving else None,
        "serving_engine": serving.engine if serving else None,
        "rows": serving.rows if serving else 0,
        "recall": serving.recall if serving else None,
        "identification": identification_of(index),
        "replicas": lag.replicas,
        "lag": lag.changes,
        "waiting": lag.waiting,
    }
