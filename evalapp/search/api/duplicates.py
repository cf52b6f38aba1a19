"""Duplicates over HTTP, for operators."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from evalapp.catalog.queries import catalogue_named
from evalapp.core.api.inputs import checked
from evalapp.core.tasks import begin
from evalapp.search.models import DuplicateLevel, DuplicatePair, DuplicateState
from evalapp.search.queries.duplicates import pairs_of
from evalapp.search.queries.search_indexes import index_named
from evalapp.search.services import duplicates as services

_MOST = 500


class DuplicateOutput(serializers.ModelSerializer[DuplicatePair]):
    """Two items that may be one."""

    first = serializers.CharField(source="first.key")
    second = serializers.CharField(source="second.key")

    class Meta:
        model = DuplicatePair
        fields = ("id", "first", "second", "level", "score", "distance", "state", "decided_by", "decided_at")
        ref_name = "DuplicatePair"


class DuplicatesApi(APIView):
    """`catalogues/{slug}/duplicates/`: read page by page, look for them, decide."""

    class PageInput(serializers.Serializer[Any]):
        state = serializers.ChoiceField(choices=DuplicateState.choices, default=DuplicateState.PROPOSED)
        level = serializers.ChoiceField(choices=DuplicateLevel.choices, required=False)
        after = serializers.IntegerField(default=0, min_value=0, help_text="Pairs that come after this id.")
        limit = serializers.IntegerField(default=100, min_value=1, max_value=_MOST)

    class PageOutput(serializers.Serializer[Any]):
        pairs = DuplicateOutput(many=True)
        after = serializers.IntegerField(allow_null=True, help_text="Ask on with this; null at the end.")

        class Meta:
            ref_name = "DuplicatePage"

    class ScanInput(serializers.Serializer[Any]):
        level = serializers.ChoiceField(choices=DuplicateLevel.choices, default=DuplicateLevel.PICTURE)
        index = serializers.CharField(required=False, max_length=80, help_text="The newest that serves if left out.")

        class Meta:
            ref_name = "DuplicateScan"

    class ScanOutput(serializers.Serializer[Any]):
        job = serializers.IntegerField()

        class Meta:
            ref_name = "DuplicateScanBegun"

    class DecideInput(serializers.Serializer[Any]):
        pair = serializers.IntegerField(min_value=1)
        decision = serializers.ChoiceField(choices=services.DECISIONS)
        drop = serializers.ChoiceField(choices=["first", "second"], required=False, help_text="This one is flagged.")

        class Meta:
            ref_name = "DuplicateDecision"

    @extend_schema(operation_id="duplicates", parameters=[PageInput], responses=PageOutput)
    def get(self, request: Request, slug: str) -> Response:
        params = checked(self.PageInput(data=request.query_params))
        pairs = pairs_of(catalogue_named(slug), state=params["state"], level=params.get("level", ""))
        page = list(pairs.filter(pk__gt=params["after"]).order_by("pk")[: params["limit"]])
        after = page[-1].pk if len(page) == params["limit"] else None
        return Response({"pairs": DuplicateOutput(page, many=True).data, "after": after})

    @extend_schema(operation_id="duplicates_find", request=ScanInput, responses={202: ScanOutput})
    def post(self, request: Request, slug: str) -> Response:
        params = checked(self.ScanInput(data=request.data))
        index = index_named(params["index"]) if "index" in params else None
        job = services.request_scan(catalogue_named(slug), params["level"], index)
        begin(job)
        return Response({"job": job.pk}, status=status.HTTP_202_ACCEPTED)

    @extend_schema(operation_id="duplicates_decide", request=DecideInput, responses=DuplicateOutput)
    def patch(self, request: Request, slug: str) -> Response:
        params = checked(self.DecideInput(data=request.data))
        pair = services.decide_pair(
            catalogue_named(slug),
            params["pair"],
            params["decision"],
            who=request.user.get_username(),
            drop=params.get("drop", ""),
        )
        return Response(DuplicateOutput(pair).data)
