"""Flags of pairs over HTTP, for operators."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from evalapp.catalog.models import LONGEST_NOTE, FlagReason, FlagSource, FlagState
from evalapp.core.api.inputs import checked
from evalapp.studies.queries import study_reads
from evalapp.studies.services import pair_flags

_MOST = 1000


def _pairs_field() -> serializers.ListField:
    return serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=2**63 - 1), allow_empty=False, max_length=_MOST
    )


class PairFlagsApi(APIView):
    """`studies/{slug}/flags/`: read, set and lift."""

    class PageInput(serializers.Serializer[Any]):
        offset = serializers.IntegerField(default=0, min_value=0, max_value=10**6)
        limit = serializers.IntegerField(default=100, min_value=1, max_value=_MOST)

    class Output(serializers.Serializer[Any]):
        pair = serializers.IntegerField(source="pair_id", help_text="`pair_id` of the exports.")
        query = serializers.CharField(source="pair.query.item.key")
        candidate = serializers.CharField(source="pair.candidate.key")
        reason = serializers.ChoiceField(choices=FlagReason.choices)
        note = serializers.CharField()
        raised_by = serializers.ChoiceField(source="source", choices=FlagSource.choices)
        state = serializers.ChoiceField(choices=FlagState.choices)
        reports = serializers.IntegerField(help_text="Voters who reported the pair.")
        backing = serializers.IntegerField(help_text="Of these, people with a record, one per address.")

        class Meta:
            ref_name = "PairFlag"

    class Input(serializers.Serializer[Any]):
        pairs = _pairs_field()
        reason = serializers.ChoiceField(choices=FlagReason.choices)
        note = serializers.CharField(default="", allow_blank=True, max_length=LONGEST_NOTE)

        class Meta:
            ref_name = "PairFlagsToSet"

    class LiftInput(serializers.Serializer[Any]):
        pairs = _pairs_field()

        class Meta:
            ref_name = "PairFlagsToLift"

    class Changed(serializers.Serializer[Any]):
        changed = serializers.IntegerField()

        class Meta:
            ref_name = "PairFlagsChanged"

    @extend_schema(operation_id="pair_flags", parameters=[PageInput], responses=Output(many=True))
    def get(self, request: Request, slug: str) -> Response:
        params = checked(self.PageInput(data=request.query_params))
        first = params["offset"]
        flags = pair_flags.flags_of_study(study_reads.study_by_slug(slug))[first : first + params["limit"]]
        return Response(self.Output(flags, many=True).data)

    @extend_schema(operation_id="pair_flags_set", request=Input, responses=Changed)
    def post(self, request: Request, slug: str) -> Response:
        params = checked(self.Input(data=request.data))
        study = study_reads.study_by_slug(slug)
        changed = pair_flags.flag_pairs(study, params["pairs"], params["reason"], note=params["note"])
        return Response({"changed": changed})

    @extend_schema(operation_id="pair_flags_lift", request=LiftInput, responses=Changed)
    def delete(self, request: Request, slug: str) -> Response:
        params = checked(self.LiftInput(data=request.data))
        return Response({"changed": pair_flags.lift_pair_flags(study_reads.study_by_slug(slug), params["pairs"])})


class ReportsApi(APIView):
    """`DELETE studies/{slug}/flags/reports/`: let in all pairs that only voters' reports keep out."""

    class Output(serializers.Serializer[Any]):
        lifted = serializers.IntegerField(help_text="Pairs that were out of play.")

        class Meta:
            ref_name = "ReportsLifted"

    @extend_schema(operation_id="reports_lift", responses=Output)
    def delete(self, request: Request, slug: str) -> Response:
        return Response({"lifted": pair_flags.lift_reports(study_reads.study_by_slug(slug))})
