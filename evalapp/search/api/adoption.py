"""The winner put to work over HTTP, for operators."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from evalapp.core.api.inputs import checked
from evalapp.core.tasks import nudge
from evalapp.search.services.adoption import adopt_contender
from evalapp.studies.queries.study_reads import contender_named, study_by_slug


class AdoptApi(APIView):
    """`POST studies/{slug}/adopt/`: a search that answers as a contender did; a worker builds it."""

    class Input(serializers.Serializer[Any]):
        contender = serializers.CharField(max_length=180)
        index = serializers.CharField(default="", allow_blank=True, max_length=80, help_text="Its name in addresses.")

        class Meta:
            ref_name = "Adopt"

    class Output(serializers.Serializer[Any]):
        index = serializers.CharField()
        job = serializers.IntegerField()

        class Meta:
            ref_name = "Adopted"

    @extend_schema(operation_id="adopt", request=Input, responses={202: Output})
    def post(self, request: Request, slug: str) -> Response:
        params = checked(self.Input(data=request.data))
        index, job = adopt_contender(contender_named(study_by_slug(slug), params["contender"]), params["index"])
        nudge(job)
        return Response({"index": index.slug, "job": job.pk}, status=status.HTTP_202_ACCEPTED)
