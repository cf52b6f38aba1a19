"""Comparing backbones and taking encoders away over HTTP, for operators."""

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

from evalapp.catalog.queries import catalogue_named
from evalapp.core.api.inputs import checked
from evalapp.core.api.jobs import JobOutput
from evalapp.core.domain.errors import Conflict, NotFound
from evalapp.core.domain.values.whole_numbers import MOST_STORED
from evalapp.core.queries import job_line
from evalapp.core.tasks import begin, nudge
from evalapp.training.api.training_runs import RunOutput
from evalapp.training.domain.worth_and_cost import Budget
from evalapp.training.queries import training_runs
from evalapp.training.queries.side_by_side import RunLine, ids_in, side_by_side
from evalapp.training.services.checkpoints import packed_checkpoint, request_checkpoint
from evalapp.training.services.comparisons import begin_comparison, begin_sweep, request_costs


class CompareApi(APIView):
    """`training-runs/compare/`: `POST` the same head on several encoders; `GET` runs side by side, with their costs."""

    class Input(serializers.Serializer[Any]):
        catalogue = serializers.CharField(max_length=80)
        bases = serializers.ListField(child=serializers.CharField(max_length=180), min_length=2, max_length=20)
        recipe = serializers.CharField(default="triplet", max_length=80)
        name = serializers.CharField(default="compared", max_length=60)
        settings = serializers.DictField(default=dict, help_text="Settings of the recipe by name.")

        class Meta:
            ref_name = "CompareInput"

    @extend_schema(operation_id="backbones_compare", request=Input, responses={201: RunOutput(many=True)})
    def post(self, request: Request) -> Response:
        params = checked(self.Input(data=request.data))
        catalogue = catalogue_named(params.pop("catalogue"))
        runs = begin_comparison(catalogue, params.pop("bases"), **params)
        for run in runs:
            begin(run.job)
        documents = [training_runs.run_document(run) for run in runs]
        return Response(RunOutput(documents, many=True).data, status=status.HTTP_201_CREATED)

    class Chosen(serializers.Serializer[Any]):
        runs = serializers.CharField(max_length=400, help_text="Ids with commas.")
        budget_mb = serializers.FloatField(default=None, allow_null=True, min_value=0)
        budget_ms = serializers.FloatField(default=None, allow_null=True, min_value=0)

    class Output(serializers.Serializer[Any]):
        class Line(serializers.Serializer[Any]):
            id = serializers.IntegerField(source="run.pk")
            name = serializers.CharField(source="run.name")
            state = serializers.CharField(source="run.state")
            differs = serializers.DictField(source="settings", help_text="Settings in which the runs differ.")
            validation = serializers.FloatField(allow_null=True, help_text="By which a sweep is judged.")
            recall_at_1 = serializers.DictField(source="head", allow_null=True)
            own_recall_at_1 = serializers.DictField(source="raw", allow_null=True)
            cost = serializers.SerializerMethodField(help_text="Bytes, dimensions, `ms` per picture, once measured.")

            class Meta:
                ref_name = "ComparedRun"

            def get_cost(self, line: RunLine) -> dict[str, Any] | None:
                return None if line.cost is None else asdict(line.cost)

        by_validation = serializers.BooleanField(help_text="The best by validation comes first; else by recall.")
        lines = Line(many=True)
        best_within_budget = serializers.CharField(help_text="In words; empty without a budget or costs.")

        class Meta:
            ref_name = "Compared"

    @extend_schema(operation_id="runs_compared", parameters=[Chosen], responses=Output)
    def get(self, request: Request) -> Response:
        params = checked(self.Chosen(data=request.query_params))
        compared = side_by_side(ids_in(params["runs"]))
        budget = Budget(params["budget_mb"], params["budget_ms"])
        lines = self.Output.Line(compared.lines, many=True).data
        return Response(
            {
                "by_validation": compared.by_validation,
                "lines": lines,
                "best_within_budget": compared.best_within(budget),
            }
        )


class SweepApi(APIView):
    """`POST training-runs/sweep/`: one recipe, a run for every choice of one value per setting."""

    class Input(serializers.Serializer[Any]):
        catalogue = serializers.CharField(max_length=80)
        bases = serializers.ListField(child=serializers.CharField(max_length=180), min_length=1, max_length=20)
        recipe = serializers.CharField(default="triplet", max_length=80)
        name = serializers.CharField(default="sweep", max_length=60)
        settings = serializers.DictField(
            child=serializers.ListField(min_length=1, max_length=30),
            help_text='The values of each setting, such as `{"margin": [0.1, 0.2]}`.',
        )

        class Meta:
            ref_name = "SweepInput"

    @extend_schema(operation_id="sweep_begin", request=Input, responses={201: RunOutput(many=True)})
    def post(self, request: Request) -> Response:
        params = checked(self.Input(data=request.data))
        runs = begin_sweep(catalogue_named(params.pop("catalogue")), params.pop("bases"), **params)
        for run in runs:
            begin(run.job)
        documents = [training_runs.run_document(run) for run in runs]
        return Response(RunOutput(documents, many=True).data, status=status.HTTP_201_CREATED)


class CostsApi(APIView):
    """`POST training-runs/costs/`: has a worker measure what encoders take; `GET training-runs/compare/` tells it."""

    class Input(serializers.Serializer[Any]):
        runs = serializers.ListField(
            child=serializers.IntegerField(min_value=1, max_value=MOST_STORED), min_length=1, max_length=40
        )

        class Meta:
            ref_name = "CostsInput"

    @extend_schema(operation_id="costs_measure", request=Input, responses={202: JobOutput(many=True)})
    def post(self, request: Request) -> Response:
        ids = checked(self.Input(data=request.data))["runs"]
        jobs = request_costs([training_runs.run_by_id(number) for number in ids])
        for job in jobs:
            nudge(job)
        return Response(JobOutput([job_line(job.pk) for job in jobs], many=True).data, status=status.HTTP_202_ACCEPTED)


class WalkApi(APIView):
    """`GET training-runs/{id}/walk/`: pictures decoded along the dimensions of an autoencoder's codes, as a PNG."""

    @extend_schema(operation_id="walk", responses={(200, "image/png"): bytes})
    def get(self, request: Request, run_id: int) -> HttpResponseBase:
        run = training_runs.run_by_id(run_id)
        path = training_runs.walk_of(run)
        if path is None:
            raise NotFound(f"{run.name} has no autoencoder whose codes could be looked at.")
        return FileResponse(path.open("rb"), content_type="image/png")


class CheckpointApi(APIView):
    """`training-runs/{id}/checkpoint/`: `POST` has a worker pack what the run made, `GET` is the zip."""

    class Input(serializers.Serializer[Any]):
        quantise = serializers.BooleanField(default=False, help_text="Also in 8-bit numbers, with its loss measured.")

        class Meta:
            ref_name = "CheckpointInput"

    class Wanted(serializers.Serializer[Any]):
        quantised = serializers.BooleanField(default=False)

    @extend_schema(operation_id="checkpoint_pack", request=Input, responses={202: JobOutput})
    def post(self, request: Request, run_id: int) -> Response:
        params = checked(self.Input(data=request.data))
        job = request_checkpoint(training_runs.run_by_id(run_id), quantise=params["quantise"])
        nudge(job)
        return Response(JobOutput(job_line(job.pk)).data, status=status.HTTP_202_ACCEPTED)

    @extend_schema(operation_id="checkpoint", parameters=[Wanted], responses={(200, "application/zip"): bytes})
    def get(self, request: Request, run_id: int) -> HttpResponseBase:
        run = training_runs.run_by_id(run_id)
        path = packed_checkpoint(run, quantised=checked(self.Wanted(data=request.query_params))["quantised"])
        if not path.is_file():
            raise Conflict(f"{run.name} is not packed yet: POST here first, and wait for the job.")
        return FileResponse(path.open("rb"), as_attachment=True, filename=f"{run.name}.zip")
