"""Bringing pictures over HTTP: a zip, or a path below IMPORT_ROOT."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.parsers import JSONParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from evalapp.catalog import queries
from evalapp.catalog.domain.importers import IMPORTERS
from evalapp.catalog.models import CatalogueImport
from evalapp.catalog.services.imports import import_by_id, mapping_from_text, request_import
from evalapp.core.api.inputs import checked
from evalapp.core.api.jobs import JobOutput
from evalapp.core.queries import job_line
from evalapp.core.tasks import begin


class ImportOutput(serializers.Serializer[Any]):
    """An import: how far it is, and what became of its rows so far."""

    id = serializers.IntegerField(source="pk")
    catalogue = serializers.CharField(source="catalogue.slug")
    told = serializers.CharField(help_text="What the file was called, or the path.")
    new = serializers.SerializerMethodField()
    updated = serializers.SerializerMethodField()
    unchanged = serializers.SerializerMethodField()
    left_out = serializers.SerializerMethodField()
    report = serializers.DictField(
        help_text="At the end: problems by code, and the first as [row, path, code, message]."
    )
    job = serializers.SerializerMethodField()
    created_at = serializers.DateTimeField()

    def get_new(self, row: CatalogueImport) -> int:
        return row.count("new")

    def get_updated(self, row: CatalogueImport) -> int:
        return row.count("updated")

    def get_unchanged(self, row: CatalogueImport) -> int:
        return row.count("unchanged")

    def get_left_out(self, row: CatalogueImport) -> int:
        return row.count("left_out")

    @extend_schema(responses=JobOutput)
    def get_job(self, row: CatalogueImport) -> dict[str, Any] | None:
        return dict(JobOutput(job_line(row.job_id)).data) if row.job_id else None

    class Meta:
        ref_name = "CatalogueImport"


class ImportsApi(APIView):
    """`POST catalogues/{slug}/imports/`: a zip, or a path below IMPORT_ROOT. `GET`: the newest ones."""

    parser_classes = [JSONParser, MultiPartParser]

    class Input(serializers.Serializer[Any]):
        file = serializers.FileField(required=False, help_text="A zip; UPLOAD_MB is the limit.")
        path = serializers.CharField(default="", max_length=1000, help_text="Or a path below IMPORT_ROOT.")
        format = serializers.ChoiceField(choices=sorted(IMPORTERS), default="", allow_blank=True)
        mapping = serializers.CharField(default="", allow_blank=True, max_length=2000, help_text="FIELD=COLUMN …")
        flag_misleading = serializers.BooleanField(default=False)

        class Meta:
            ref_name = "ImportInput"

    @extend_schema(operation_id="imports", responses=ImportOutput(many=True))
    def get(self, request: Request, slug: str) -> Response:
        rows = queries.catalogue_named(slug).imports.select_related("catalogue")[:20]
        return Response(ImportOutput(rows, many=True).data)

    @extend_schema(
        operation_id="import_begin",
        request={"multipart/form-data": Input, "application/json": Input},
        responses={202: ImportOutput},
    )
    def post(self, request: Request, slug: str) -> Response:
        catalogue = queries.catalogue_named(slug)
        params = checked(self.Input(data=request.data))
        catalogue_import = request_import(
            catalogue,
            upload=params.get("file"),
            path=params["path"],
            format_name=params["format"],
            mapping=mapping_from_text(params["mapping"]),
            flag_misleading=params["flag_misleading"],
        )
        begin(catalogue_import.job)
        return Response(ImportOutput(catalogue_import).data, status=status.HTTP_202_ACCEPTED)


class ImportApi(APIView):
    """`GET imports/{id}/`: how far it is, and its report."""

    @extend_schema(operation_id="import", responses=ImportOutput)
    def get(self, request: Request, import_id: int) -> Response:
        return Response(ImportOutput(import_by_id(import_id)).data)
