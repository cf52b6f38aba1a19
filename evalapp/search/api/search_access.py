"""Who may search, and how much."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext as _
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from evalapp.core.domain.errors import NotFound, TooMany
from evalapp.search.models import SearchIndex
from evalapp.search.queries.photo_uploads import keep_in_memory
from evalapp.search.queries.search_indexes import searched_index
from evalapp.voting.domain.rate_limits import Buckets
from evalapp.voting.queries.voter_identity import address_of

searches_by_address = Buckets()


class AsTheIndexSays(BasePermission):
    """Anyone where the index is public; else operators. Others are told that there is no such index."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return True


class SearchApi(APIView):
    """An operation on one index."""

    permission_classes = (AsTheIndexSays,)

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:
        keep_in_memory(request)
        return super().initialize_request(request, *args, **kwargs)

    def index_to_search(self, request: Request, slug: str) -> SearchIndex:
        """The index, if this person may search it, and if their network has not asked for too much."""
        index = searched_index(slug)
        if not may_search(request, index):
            raise NotFound(f"There is no index {slug!r}.")
        take_a_search(request)
        return index


def may_search(request: HttpRequest | Request, index: SearchIndex) -> bool:
    """Whether this person may search it."""
    return index.is_public or bool(request.user and request.user.is_staff)


def take_a_search(request: HttpRequest | Request, amount: int = 1) -> None:
    """Raises TooMany where an address asks for more than people do; operators' programs may."""
    if request.user and request.user.is_staff:
        return
    if not searches_by_address.take(address_of(request), amount, settings.ADDRESS_SEARCHES_PER_MINUTE):
        raise TooMany(_("Too many searches came from your network. Please try again in a minute."))
