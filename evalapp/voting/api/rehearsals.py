"""Putting an end to a rehearsal."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_serializer
from rest_framework import serializers
from rest_framework.permissions import IsAdminUser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from evalapp.studies.queries.study_reads import study_by_slug
from evalapp.voting.services.voters import end_rehearsal


class RehearsalApi(APIView):
    """`DELETE studies/{slug}/rehearsal/`: the votes of simulated crowds are set aside; they stay in the records."""

    permission_classes = (IsAdminUser,)

    @extend_schema_serializer(component_name="RehearsalEnded")
    class Output(serializers.Serializer[Any]):
        votes = serializers.IntegerField(help_text="Simulated votes that counted until now.")

    @extend_schema(operation_id="rehearsal_end", responses=Output)
    def delete(self, _request: Request, slug: str) -> Response:
        return Response({"votes": end_rehearsal(study_by_slug(slug))})
