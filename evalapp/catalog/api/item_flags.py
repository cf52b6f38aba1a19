"""Flags of items over HTTP, for operators."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from evalapp.catalog import queries
from evalapp.catalog.models import LONGEST, LONGEST_NOTE, FlagReason, FlagSource, FlagState
from evalapp.catalog.services import item_flags
from evalapp.core.api.inputs import checked

_MOST = 1000


class FlagsApi(APIView):
    """`catalogues/{slug}/flags/`: read, set and lift."""

    class PageInput(serializers.Serializer[Any]):
        state = serializers.ChoiceField(choices=FlagState.choices, default=FlagState.ACTIVE)
        before = serializers.IntegerField(
            required=False, min_value=1, max_value=2**63 - 1, help_text="Flags older than this one."
        )
        limit = serializers.IntegerField(default=100, min_value=1, max_value=_MOST)

    class Output(serializers.Serializer[Any]):
        id = serializers.IntegerField()
        key = serializers.CharField(source="item.key")
        reason = serializers.ChoiceField(choices=FlagReason.choices)
        note = serializers.CharField()
        raised_by = serializers.ChoiceField(source="source", choices=FlagSource.choices)
        state = serializers.ChoiceField(choices=FlagState.choices)
        created_at = serializers.DateTimeField()

        class Meta:
            ref_name = "Flag"

    class Input(serializers.Serializer[Any]):
        keys = serializers.ListField(
            child=serializers.CharField(max_length=LONGEST["key"]), allow_empty=False, max_length=_MOST
        )
        reason = serializers.ChoiceField(choices=FlagReason.choices)
        note = serializers.CharField(default="", allow_blank=True, max_length=LONGEST_NOTE)

        class Meta:
            ref_name = "FlagsToSet"

    class LiftInput(serializers.Serializer[Any]):
        keys = serializers.ListField(
            child=serializers.CharField(max_length=LONGEST["key"]), allow_empty=False, max_length=_MOST
        )
        reason = serializers.ChoiceField(choices=FlagReason.choices, required=False, help_text="All if left out.")

        class Meta:
            ref_name = "FlagsToLift"

    class Changed(serializers.Serializer[Any]):
        changed = serializers.IntegerField()

        class Meta:
            ref_name = "FlagsChanged"

    @extend_schema(operation_id="flags", parameters=[PageInput], responses=Output(many=True))
    def get(self, request: Request, slug: str) -> Response:
        params = checked(self.PageInput(data=request.query_params))
        flags = queries.flags_of(queries.catalogue_named(slug)).filter(state=params["state"]).order_by("-pk")
        if "before" in params:
            flags = flags.filter(pk__lt=params["before"])
        return Response(self.Output(flags[: params["limit"]], many=True).data)

    @extend_schema(operation_id="flags_set", request=Input, responses=Changed)
    def post(self, request: Request, slug: str) -> Response:
        params = checked(self.Input(data=request.data))
        return Response({"changed": item_flags.flag_items(slug, params["keys"], params["reason"], note=params["note"])})

    @extend_schema(operation_id="flags_lift", request=LiftInput, responses=Changed)
    def delete(self, request: Request, slug: str) -> Response:
        params = checked(self.LiftInput(data=request.data))
        return Response({"changed": item_flags.lift_flags(slug, params["keys"], params.get("reason"))})
