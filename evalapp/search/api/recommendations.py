"""`GET catalogues/{slug}/items/{key}/similar/`: what to show beside an item, one of each other product."""

from __future__ import annotations

import hashlib
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from evalapp.core.api.inputs import checked
from evalapp.core.domain.errors import NotFound
from evalapp.search.api.lookup_serializers import AnswerOutput, answer_document
from evalapp.search.api.search_access import may_search, take_a_search
from evalapp.search.domain.lookup_params import LookupParams
from evalapp.search.models import SearchIndex
from evalapp.search.queries.lookups import item_of, look_up
from evalapp.search.queries.search_indexes import index_of_catalogue

_MOST = 100
_FRESH_SECONDS = 60


class SimilarApi(APIView):
    """Recommendations. They need no encoder, only the item's own vector."""

    permission_classes = (AllowAny,)

    class Input(serializers.Serializer[Any]):
        n = serializers.IntegerField(default=12, min_value=1, max_value=_MOST)
        diverse = serializers.FloatField(
            default=0.0, min_value=0, max_value=1, help_text="0: the nearest; towards 1: less like each other."
        )
        index = serializers.CharField(required=False, max_length=80, help_text="The newest public one if left out.")

    class Output(serializers.Serializer[Any]):
        items = AnswerOutput(many=True)
        by = serializers.ChoiceField(choices=["vectors", "attributes"])
        index = serializers.CharField()

        class Meta:
            ref_name = "Recommendations"

    @extend_schema(operation_id="similar", parameters=[Input], responses=Output)
    def get(self, request: Request, slug: str, key: str) -> Response:
        params = checked(self.Input(data=request.query_params))
        index = index_of_catalogue(slug, params.get("index", ""), every=bool(request.user.is_staff))
        if not may_search(request, index):
            raise NotFound(f"There is no index of {slug!r}.")
        entity_tag = _entity_tag(index, key, params)
        if request.headers.get("If-None-Match") == entity_tag:
            return Response(status=304, headers={"ETag": entity_tag})
        take_a_search(request)
        item = item_of(index, key)
        lookup = LookupParams(
            index=index.slug,
            kind="item",
            k=params["n"],
            item=item.pk,
            # An item without a product is its own: nothing else is hidden with it.
            hide_product=item.product or f"item {item.pk}",
            diversity=params["diverse"],
        )
        result = look_up(index, lookup)
        headers = {"Cache-Control": f"public, max-age={_FRESH_SECONDS}"}
        if result.by == "vectors":
            headers["ETag"] = entity_tag
        document = {"items": [answer_document(one) for one in result.answers], "by": result.by, "index": index.slug}
        return Response(document, headers=headers)


def _entity_tag(index: SearchIndex, key: str, params: dict[str, Any]) -> str:
    """Another one with every generation and every change of the catalogue."""
    parts = (index.slug, index.serving_id, index.catalogue.last_change, key, params["n"], params["diverse"])
    return f'"{hashlib.sha256(repr(parts).encode()).hexdigest()[:32]}"'
