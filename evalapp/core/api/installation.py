"""Operators and backups over HTTP, for superusers: a backup holds all keys."""

from __future__ import annotations

from typing import Any

from django.http import FileResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from evalapp.core import queries, tasks
from evalapp.core.api.inputs import checked
from evalapp.core.api.jobs import JobOutput
from evalapp.core.services.backups import kept
from evalapp.core.services.operators import create_operator


class IsSuperuser(BasePermission):
    """Whoever may do everything anyway."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return bool(request.user and request.user.is_superuser)


class OperatorsApi(APIView):
    """`POST operators/`: somebody else who may use the lab."""

    permission_classes = [IsSuperuser]

    class Input(serializers.Serializer[Any]):
        name = serializers.CharField(max_length=150)
        password = serializers.CharField(
            default="", allow_blank=True, max_length=200, help_text="Made up where it is left out."
        )

        class Meta:
            ref_name = "NewOperator"

    class Output(serializers.Serializer[Any]):
        name = serializers.CharField()
        password = serializers.CharField(help_text="One that was made up, told this once; else empty.")

        class Meta:
            ref_name = "MadeOperator"

    @extend_schema(operation_id="operator_add", request=Input, responses={201: Output})
    def post(self, request: Request) -> Response:
        params = checked(self.Input(data=request.data))
        user, password = create_operator(params["name"], params["password"] or None)
        made_operator = {"name": user.get_username(), "password": "" if params["password"] else password}
        return Response(made_operator, status=status.HTTP_201_CREATED)


class BackupsApi(APIView):
    """`GET backups/`, `POST backups/`."""

    permission_classes = [IsSuperuser]

    class Output(serializers.Serializer[Any]):
        name = serializers.CharField()
        size = serializers.IntegerField(help_text="Bytes.")
        made_at = serializers.DateTimeField()

        class Meta:
            ref_name = "Backup"

    @extend_schema(operation_id="backups", responses=Output(many=True))
    def get(self, request: Request) -> Response:
        return Response(self.Output(kept.kept_backups(), many=True).data)

    @extend_schema(operation_id="backup_add", request=None, responses={202: JobOutput})
    def post(self, request: Request) -> Response:
        job = kept.request_backup()
        tasks.begin(job)
        return Response(JobOutput(queries.job_line(job.pk)).data, status=status.HTTP_202_ACCEPTED)


class BackupApi(APIView):
    """`DELETE backups/{name}/`."""

    permission_classes = [IsSuperuser]

    @extend_schema(operation_id="backup_remove", responses={204: None})
    def delete(self, request: Request, name: str) -> Response:
        kept.remove_backup(name)
        return Response(status=status.HTTP_204_NO_CONTENT)


class DownloadBackupApi(APIView):
    """`POST backups/{name}/download/`: the file. No GET: who took it along is written down."""

    permission_classes = [IsSuperuser]

    @extend_schema(
        operation_id="backup_download", request=None, responses={(200, "application/octet-stream"): OpenApiTypes.BINARY}
    )
    def post(self, request: Request, name: str) -> HttpResponseBase:
        return FileResponse(kept.hand_out_backup(name).open("rb"), as_attachment=True, filename=name)
