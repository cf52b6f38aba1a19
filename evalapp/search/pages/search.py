"""The page on which people search."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from evalapp.catalog.models import Item
from evalapp.catalog.services.renditions import picture_url
from evalapp.core.domain.errors import NotFound
from evalapp.search.models import SearchIndex
from evalapp.search.pages.search_texts import handle_words, search_words
from evalapp.search.queries.gallery import gallery_items
from evalapp.search.queries.search_indexes import index_named
from evalapp.voting.queries.voter_identity import remember_voter, voter_for_request


@never_cache
@require_safe
def search_page(request: HttpRequest, slug: str) -> HttpResponse:
    """Search in an index; `?item=KEY` begins with what is like that item."""
    index = _index_or_404(request, slug)
    context: dict[str, Any] = {
        "index": index,
        "urls": {
            "photo": reverse("api-search-photo", args=[slug]),
            "item": reverse("api-search-item", args=[slug]),
            "feedback": reverse("api-search-feedback", args=[slug]),
        },
        "words": search_words(),
        "handles": handle_words(),
        "keeps_photos": True,
        "days": settings.SEARCH_PHOTOS_KEPT.days,
        "start": _start_item(index, request.GET.get("item", "")),
    }
    response = render(request, "search/search.html", context)
    # As on the play page: who answers has to be one and the same tomorrow.
    remember_voter(request, response, voter_for_request(request))
    return response


def _index_or_404(request: HttpRequest, slug: str) -> SearchIndex:
    try:
        index = index_named(slug)
    except NotFound as problem:
        raise Http404(problem.message) from problem
    if not index.is_public and not request.user.is_staff:
        raise Http404(f"There is no index {slug}.")
    return index


def _start_item(index: SearchIndex, key: str) -> dict[str, str] | None:
    if not key or "\x00" in key:
        return None
    item: Item | None = gallery_items(index).filter(key=key).select_related("picture", "cutout").first()
    if item is None:
        return None
    return {"key": item.key, "category": item.category, "image": picture_url(item.shown.public_id)}
