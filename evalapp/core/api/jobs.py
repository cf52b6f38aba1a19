"""Jobs over HTTP, for operators."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from evalapp.core import queries, tasks
from evalapp.core.domain.values.whole_numbers import MOST_STORED
from evalapp.core.services import jobs as services

_MOST = 1000


class JobOutput(serializers.Serializer[Any]):
    """A long work and how far the stage is that it is in."""

    id = serializers.IntegerField()
    kind = serializers.CharField()
    target = serializers.CharField(help_text="What it is about, such as the slug of a study.")
    state = serializers.CharField()
    stage = serializers.CharField()
    done = serializers.IntegerField(help_text="Pictures, queries … of the stage.")
    total = serializers.IntegerField()
    error = serializers.CharField()
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    can_cancel = serializers.BooleanField()
    can_resume = serializers.BooleanField()
    unit = serializers.CharField(help_text="What `done` and `total` count.")
    speed = serializers.FloatField(allow_null=True, help_text="Units per second, of late.")
    seconds_left = serializers.FloatField(allow_null=True, help_text="Until the stage ends, at that speed.")
    failed = serializers.IntegerField(help_text="Chunks that failed at every attempt.")
    left_out = serializers.IntegerField(help_text="Pictures and the like that were left out; ask for the job.")

    class Meta:
        ref_name = "Job"


class JobsApi(APIView):
    """`GET jobs/`: the newest first, page by page."""

    class Input(serializers.Serializer[Any]):
        before = serializers.IntegerField(default=None, allow_null=True, min_value=1, max_value=MOST_STORED)
        limit = serializers.IntegerField(default=100, min_value=1, max_value=_MOST)

    class Output(serializers.Serializer[Any]):
        jobs = JobOutput(many=True)
        before = serializers.IntegerField(allow_null=True, help_text="Ask on with this; null at the end.")

        class Meta:
            ref_name = "JobPage"

    @extend_schema(operation_id="jobs", parameters=[Input], responses=Output)
    def get(self, request: Request) -> Response:
        serializer = self.Input(data=request.query_params)
        serializer.is_valid(raise_exception=True)
        limit = serializer.validated_data["limit"]
        jobs = queries.recent_jobs(limit, serializer.validated_data["before"])
        before = jobs[-1].id if len(jobs) == limit else None
        return Response({"jobs": JobOutput(jobs, many=True).data, "before": before})


class JobApi(APIView):
    """`GET jobs/{id}/`: with its stages and what it left out."""

    class Input(serializers.Serializer[Any]):
        after = serializers.IntegerField(
            default=0, min_value=0, max_value=MOST_STORED, help_text="Faults that were read before."
        )
        limit = serializers.IntegerField(default=100, min_value=1, max_value=_MOST)

    class Output(JobOutput):
        class Stage(serializers.Serializer[Any]):
            stage = serializers.CharField()
            pending = serializers.IntegerField()
            running = serializers.IntegerField()
            done = serializers.IntegerField()
            failed = serializers.IntegerField()
            cancelled = serializers.IntegerField()
            units_done = serializers.IntegerField()
            units = serializers.IntegerField()

            class Meta:
                ref_name = "JobStage"

        class Fault(serializers.Serializer[Any]):
            thing = serializers.CharField()
            reason = serializers.CharField()

            class Meta:
                ref_name = "JobFault"

        stages = Stage(many=True, help_text="Chunks by state, in the order of the work.")
        faults = Fault(many=True)
        after = serializers.IntegerField(allow_null=True, help_text="Ask on with this; null at the end.")

        class Meta:
            ref_name = "JobWithFaults"

    @extend_schema(operation_id="job", parameters=[Input], responses=Output)
    def get(self, request: Request, job_id: int) -> Response:
        serializer = self.Input(data=request.query_params)
        serializer.is_valid(raise_exception=True)
        limit, after = serializer.validated_data["limit"], serializer.validated_data["after"]
        job = JobOutput(queries.job_line(job_id)).data
        faults = queries.faults_of(job_id, limit, after)
        return Response(
            {
                **job,
                "stages": self.Output.Stage(queries.stages_of(job_id), many=True).data,
                "faults": [{"thing": thing, "reason": reason} for thing, reason in faults],
                "after": after + limit if len(faults) == limit else None,
            }
        )


class CancelJobApi(APIView):
    """`POST jobs/{id}/cancel/`."""

    @extend_schema(operation_id="job_cancel", request=None, responses=JobOutput)
    def post(self, request: Request, job_id: int) -> Response:
        services.cancel_job(queries.job_by_id(job_id))
        return Response(JobOutput(queries.job_line(job_id)).data)


class ResumeJobApi(APIView):
    """`POST jobs/{id}/resume/`: what failed or was cancelled is tried again."""

    @extend_schema(operation_id="job_resume", request=None, responses=JobOutput)
    def post(self, request: Request, job_id: int) -> Response:
        job = queries.job_by_id(job_id)
        services.resume_job(job)
        tasks.call_workers(job)
        return Response(JobOutput(queries.job_line(job_id)).data)


class WorkersApi(APIView):
    """`GET workers/`: who takes work, on which device, and what they are at."""

    class Output(serializers.Serializer[Any]):
        name = serializers.CharField(help_text="Host and process.")
        queues = serializers.CharField()
        device = serializers.CharField()
        started_at = serializers.DateTimeField()
        seen_at = serializers.DateTimeField()
        silent = serializers.BooleanField(help_text="Not seen for so long that it is taken for dead.")
        job = serializers.IntegerField(allow_null=True)
        stage = serializers.CharField()
        size = serializers.IntegerField(help_text="Units in the chunk that it is at.")

        class Meta:
            ref_name = "Worker"

    @extend_schema(operation_id="workers", responses=Output(many=True))
    def get(self, request: Request) -> Response:
        return Response(self.Output(queries.worker_lines(), many=True).data)
