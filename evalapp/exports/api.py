"""Exports over HTTP, for operators."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from evalapp.core import tasks
from evalapp.exports.domain.download_links import sign_link
from evalapp.exports.domain.table_writers import WRITERS
from evalapp.exports.models import Export
from evalapp.exports.queries import export_data
from evalapp.exports.services import write_exports
from evalapp.studies.queries.study_reads import study_by_slug


class ExportOutput(serializers.Serializer[Any]):
    """An export, how far it is, and where it can be had."""

    id = serializers.IntegerField()
    study = serializers.CharField(source="study.slug")
    format = serializers.CharField()
    state = serializers.SerializerMethodField(help_text="That of its job; `done` when it can be downloaded.")
    job = serializers.IntegerField(source="job_id", allow_null=True)
    rows_written = serializers.IntegerField()
    rows_expected = serializers.IntegerField()
    size = serializers.IntegerField(help_text="Bytes of the archive.")
    sha256 = serializers.CharField()
    download = serializers.SerializerMethodField(help_text="A link that works for a day, or null.")
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)

    def get_state(self, export: Export) -> str:
        return "done" if export.is_whole else str(export.job.state if export.job else "failed")

    def get_download(self, export: Export) -> str | None:
        if not export.is_whole:
            return None
        address = reverse("export-download", args=[sign_link(export.pk)])
        request: Request = self.context["request"]
        return request.build_absolute_uri(address)

    class Meta:
        ref_name = "Export"


class ExportsApi(APIView):
    """`GET exports/`, `POST exports/`."""

    class Input(serializers.Serializer[Any]):
        study = serializers.CharField(max_length=80)
        format = serializers.ChoiceField(choices=list(WRITERS), default="parquet")

        class Meta:
            ref_name = "NewExport"

    @extend_schema(operation_id="exports", responses=ExportOutput(many=True))
    def get(self, request: Request) -> Response:
        return Response(ExportOutput(export_data.recent_exports(), many=True, context={"request": request}).data)

    @extend_schema(operation_id="export_add", request=Input, responses={201: ExportOutput})
    def post(self, request: Request) -> Response:
        serializer = self.Input(data=request.data)
        serializer.is_valid(raise_exception=True)
        study = study_by_slug(serializer.validated_data["study"])
        export = write_exports.request_export(study, serializer.validated_data["format"])
        tasks.begin(export.job)
        return Response(ExportOutput(export, context={"request": request}).data, status=status.HTTP_201_CREATED)


class ExportApi(APIView):
    """`GET exports/{id}/`, `DELETE exports/{id}/`."""

    @extend_schema(operation_id="export", responses=ExportOutput)
    def get(self, request: Request, export_id: int) -> Response:
        return Response(ExportOutput(export_data.export_by_id(export_id), context={"request": request}).data)

    @extend_schema(operation_id="export_remove", responses={204: None})
    def delete(self, request: Request, export_id: int) -> Response:
        write_exports.remove_export(export_data.export_by_id(export_id))
        return Response(status=status.HTTP_204_NO_CONTENT)
