"""Robustness measured, and triplets proposed from votes, over HTTP."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from evalapp.core.api.inputs import checked
from evalapp.core.api.jobs import JobOutput
from evalapp.core.domain.job_targets import target_of
from evalapp.core.queries import job_line
from evalapp.core.services.jobs import request_job
from evalapp.core.tasks import nudge
from evalapp.studies.models import Robustness
from evalapp.studies.queries.study_reads import study_by_slug
from evalapp.studies.services.triplet_proposals import propose_from_votes


class RobustnessApi(APIView):
    """`studies/{slug}/robustness/`: `GET` what was measured last, `POST` have a worker measure it."""

    class Output(serializers.Serializer[Any]):
        contender = serializers.CharField(source="contender.name")
        queries = serializers.IntegerField()
        strength = serializers.FloatField()
        lines = serializers.ListField(help_text="Per damage what of the top 10 stays, with intervals.")
        measured_at = serializers.DateTimeField()

        class Meta:
            ref_name = "Robustness"

    @extend_schema(operation_id="robustness", responses=Output(many=True))
    def get(self, request: Request, slug: str) -> Response:
        rows = Robustness.objects.filter(contender__study=study_by_slug(slug)).select_related("contender")
        return Response(self.Output(rows.order_by("contender"), many=True).data)

    @extend_schema(operation_id="robustness_measure", request=None, responses={202: JobOutput})
    def post(self, request: Request, slug: str) -> Response:
        job = request_job("robustness", target_of("study", study_by_slug(slug).pk))
        nudge(job)
        return Response(JobOutput(job_line(job.pk)).data, status=status.HTTP_202_ACCEPTED)


class TripletsApi(APIView):
    """`POST studies/{slug}/triplets/`: propose what votes claim, for people to check."""

    class Input(serializers.Serializer[Any]):
        number = serializers.IntegerField(default=200, min_value=1, max_value=10_000)

        class Meta:
            ref_name = "ProposeTriplets"

    class Output(serializers.Serializer[Any]):
        proposed = serializers.IntegerField()

        class Meta:
            ref_name = "TripletsProposed"

    @extend_schema(operation_id="triplets_propose", request=Input, responses=Output)
    def post(self, request: Request, slug: str) -> Response:
        number = checked(self.Input(data=request.data))["number"]
        return Response({"proposed": propose_from_votes(study_by_slug(slug), number)})
