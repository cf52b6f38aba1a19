"""What runs learnt from over HTTP, for operators."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.http import FileResponse
from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from evalapp.core.api.jobs import JobOutput
from evalapp.core.domain.errors import Conflict
from evalapp.core.queries import job_line
from evalapp.core.tasks import nudge
from evalapp.training.pipeline.datasets.label_snapshots import kept_snapshots
from evalapp.training.queries import training_runs
from evalapp.training.services.checkpoints import packed_snapshot, request_snapshot


class TrainingSnapshotsApi(APIView):
    """`GET training-snapshots/`: all that are kept. A run learns from one again with the setting `snapshot`."""

    class Output(serializers.Serializer[Any]):
        snapshot = serializers.CharField()
        catalogue = serializers.CharField()
        pictures = serializers.IntegerField()
        bytes = serializers.IntegerField()
        runs = serializers.ListField(child=serializers.CharField(), help_text="Finished runs that learnt from it.")
        run = serializers.IntegerField(allow_null=True, help_text="The newest of them.")

        class Meta:
            ref_name = "TrainingSnapshot"

    @extend_schema(operation_id="training_snapshots", responses=Output(many=True))
    def get(self, request: Request) -> Response:
        return Response(self.Output([asdict(line) for line in kept_snapshots()], many=True).data)


class RunSnapshotApi(APIView):
    """`training-runs/{id}/snapshot/`: `POST` has a worker pack what the run learnt from, `GET` is the zip."""

    @extend_schema(operation_id="training_snapshot_pack", request=None, responses={202: JobOutput})
    def post(self, request: Request, run_id: int) -> Response:
        job = request_snapshot(training_runs.run_by_id(run_id))
        nudge(job)
        return Response(JobOutput(job_line(job.pk)).data, status=status.HTTP_202_ACCEPTED)

    @extend_schema(operation_id="training_snapshot", responses={(200, "application/zip"): bytes})
    def get(self, request: Request, run_id: int) -> HttpResponseBase:
        run = training_runs.run_by_id(run_id)
        path = packed_snapshot(run)
        if not path.is_file():
            raise Conflict(f"What {run.name} learnt from is not packed yet: POST here first, and wait for the job.")
        return FileResponse(path.open("rb"), as_attachment=True, filename=path.name)
