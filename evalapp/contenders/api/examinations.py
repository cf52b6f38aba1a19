"""Questions to an encoder about a whole catalogue over HTTP, for operators."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from evalapp.catalog.queries import catalogue_named
from evalapp.contenders.models import Examination
from evalapp.contenders.services import examinations
from evalapp.core.api.inputs import checked
from evalapp.core.tasks import begin


class ExaminationOutput(serializers.Serializer[Any]):
    """What was asked of whom."""

    id = serializers.IntegerField(source="pk")
    question = serializers.CharField(help_text="`faults`, or the protocol of a public set.")
    catalogue = serializers.CharField(source="catalogue.slug")
    contender = serializers.CharField()
    job = serializers.IntegerField(source="job_id", allow_null=True)
    created_at = serializers.DateTimeField()

    class Meta:
        ref_name = "Examination"


class ExaminationsApi(APIView):
    """`GET examinations/`: the newest. `POST`: have a worker score an encoder as papers do, or look for pictures that
    may be at fault."""

    class Input(serializers.Serializer[Any]):
        catalogue = serializers.CharField(max_length=80)
        question = serializers.ChoiceField(choices=Examination.Question.values)
        contender = serializers.CharField(max_length=180, help_text="`MODEL.TAP:METRIC`.")

        class Meta:
            ref_name = "ExaminationInput"

    @extend_schema(operation_id="examinations", responses=ExaminationOutput(many=True))
    def get(self, request: Request) -> Response:
        return Response(ExaminationOutput(examinations.all_examinations()[:100], many=True).data)

    @extend_schema(operation_id="examination_begin", request=Input, responses={202: ExaminationOutput})
    def post(self, request: Request) -> Response:
        params = checked(self.Input(data=request.data))
        row = examinations.request_examination(
            catalogue_named(params["catalogue"]), params["question"], params["contender"]
        )
        begin(row.job)
        return Response(ExaminationOutput(row).data, status=status.HTTP_202_ACCEPTED)


class ExaminationApi(APIView):
    """`GET examinations/{id}/`: with what was found."""

    class Output(ExaminationOutput):
        result = serializers.DictField(help_text="Scores with their intervals, or `suspects`; empty before.")

        class Meta:
            ref_name = "ExaminationWithResult"

    @extend_schema(operation_id="examination", responses=Output)
    def get(self, request: Request, examination_id: int) -> Response:
        return Response(self.Output(examinations.examination_by_id(examination_id)).data)
