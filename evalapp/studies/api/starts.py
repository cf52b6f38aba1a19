"""The whole main job over HTTP: pictures and a network in, a study that can be opened out; and what waits."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.parsers import JSONParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from evalapp.catalog.queries import catalogue_named
from evalapp.core.api.inputs import checked, with_fields_renamed
from evalapp.core.api.jobs import JobOutput
from evalapp.core.domain.attention import waiting_matters
from evalapp.core.queries import job_line
from evalapp.core.tasks import begin
from evalapp.studies.models import LONGEST_WORDS, QuickStart
from evalapp.studies.services.quick_starts import quick_start_by_id, request_quick_start


class StartOutput(serializers.Serializer[Any]):
    """A start: how far its job is, and the study once it is drafted."""

    id = serializers.IntegerField(source="pk")
    title = serializers.CharField()
    question = serializers.CharField()
    catalogue = serializers.CharField(source="catalogue.slug")
    study = serializers.CharField(source="study.slug", default=None, allow_null=True)
    job = serializers.SerializerMethodField()

    @extend_schema(responses=JobOutput)
    def get_job(self, row: QuickStart) -> dict[str, Any] | None:
        return dict(JobOutput(job_line(row.job_id)).data) if row.job_id else None

    class Meta:
        ref_name = "Start"


class StartsApi(APIView):
    """`POST starts/`: pictures, networks and a question in."""

    parser_classes = [JSONParser, MultiPartParser]

    class Input(serializers.Serializer[Any]):
        question = serializers.CharField(default="", allow_blank=True, max_length=LONGEST_WORDS)
        title = serializers.CharField(default="", allow_blank=True, max_length=LONGEST_WORDS)
        file = serializers.FileField(required=False, help_text="A zip of pictures.")
        path = serializers.CharField(default="", allow_blank=True, max_length=1000, help_text="Or below IMPORT_ROOT.")
        catalogue = serializers.CharField(default="", allow_blank=True, max_length=80, help_text="Or one that is here.")
        network = serializers.FileField(required=False, help_text="onnx, npz, parquet, or a zip.")
        spec = serializers.CharField(default="", allow_blank=True, max_length=400, help_text="Or a network by name.")
        encoders = serializers.ListField(
            child=serializers.CharField(max_length=80),
            default=list,
            help_text="By name; efficientnet, colours.",
        )

        class Meta:
            ref_name = "StartInput"

    @extend_schema(
        operation_id="start",
        request={"multipart/form-data": Input, "application/json": Input},
        responses={202: StartOutput},
    )
    def post(self, request: Request) -> Response:
        params = checked(self.Input(data=request.data))
        catalogue = params.pop("catalogue")
        with with_fields_renamed(source="spec"):
            row = request_quick_start(
                pictures=params.pop("file", None),
                source=params.pop("spec"),
                catalogue=catalogue_named(catalogue) if catalogue else None,
                **params,
            )
        begin(row.job)
        return Response(StartOutput(row).data, status=status.HTTP_202_ACCEPTED)


class StartApi(APIView):
    """`GET starts/{id}/`."""

    @extend_schema(operation_id="start_read", responses=StartOutput)
    def get(self, request: Request, start_id: int) -> Response:
        return Response(StartOutput(quick_start_by_id(start_id)).data)


class MattersApi(APIView):
    """`GET matters/`: what waits for an operator, the urgent first."""

    class Output(serializers.Serializer[Any]):
        text = serializers.CharField()
        urgent = serializers.BooleanField()

        class Meta:
            ref_name = "Matter"

    @extend_schema(operation_id="matters", responses=Output(many=True))
    def get(self, request: Request) -> Response:
        return Response(self.Output(list(waiting_matters()), many=True).data)
