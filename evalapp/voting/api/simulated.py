"""Votes of a simulated crowd over HTTP, for operators."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from evalapp.core.api.inputs import checked
from evalapp.studies.queries.study_reads import study_by_slug
from evalapp.voting.domain.simulated_tastes import parse_taste
from evalapp.voting.pipeline.simulation import MOST_AT_ONCE, simulate_votes


class SimulatedVotesApi(APIView):
    """`POST studies/{slug}/simulated-votes/`: a simulated crowd votes; its votes are marked for ever."""

    class Input(serializers.Serializer[Any]):
        votes = serializers.IntegerField(default=200, min_value=1, max_value=MOST_AT_ONCE)
        voters = serializers.IntegerField(default=10, min_value=1, max_value=MOST_AT_ONCE)
        taste = serializers.CharField(default="category", max_length=200)
        seed = serializers.IntegerField(default=0, min_value=0, max_value=2**31)

        class Meta:
            ref_name = "SimulatedVotesInput"

    class Output(serializers.Serializer[Any]):
        votes = serializers.IntegerField(help_text="So many were cast; fewer where the voters have seen everything.")

        class Meta:
            ref_name = "SimulatedVotes"

    @extend_schema(operation_id="votes_simulate", request=Input, responses=Output)
    def post(self, request: Request, slug: str) -> Response:
        params = checked(self.Input(data=request.data))
        taste = parse_taste(params.pop("taste"))
        return Response({"votes": simulate_votes(study_by_slug(slug), taste=taste, **params)})
