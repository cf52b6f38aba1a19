"""Index experiments over HTTP, for operators."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from evalapp.core.api.inputs import checked
from evalapp.core.tasks import begin
from evalapp.search.queries.index_experiments import described_experiment, experiments_of
from evalapp.search.queries.search_indexes import index_named
from evalapp.search.services.index_experiments import MEASURABLE, USUAL_ENGINES, request_experiment


class EffortOutput(serializers.Serializer[Any]):
    """An engine made to look at more or less."""

    effort = serializers.FloatField(help_text="Times what it was built to look at.")
    recall = serializers.FloatField()
    queries_per_cpu_second = serializers.FloatField()
    over_exact = serializers.FloatField()

    class Meta:
        ref_name = "EffortReport"


class FilterOutput(serializers.Serializer[Any]):
    """Questions that only a share of the items may answer."""

    share = serializers.FloatField()
    recall = serializers.FloatField()
    queries_per_cpu_second = serializers.FloatField()
    over_scan = serializers.FloatField()

    class Meta:
        ref_name = "FilterReport"


class EngineOutput(serializers.Serializer[Any]):
    """One engine under one metric."""

    engine = serializers.CharField()
    metric = serializers.CharField()
    rows = serializers.IntegerField()
    dim = serializers.IntegerField()
    recall = serializers.FloatField(help_text="Share of the true ten nearest that it found.")
    queries_per_cpu_second = serializers.FloatField()
    over_exact = serializers.FloatField(help_text="Times as fast as comparing everything, one question at a time.")
    batched = serializers.FloatField(help_text="Questions per CPU second, 64 at once.")
    p50_ms = serializers.FloatField()
    p99_ms = serializers.FloatField()
    build_cpu_seconds = serializers.FloatField()
    memory_bytes = serializers.IntegerField()
    memory_share = serializers.FloatField(help_text="Of the vectors as float32.")
    filters = FilterOutput(many=True)
    efforts = EffortOutput(many=True)

    class Meta:
        ref_name = "EngineReport"


class ExperimentOutput(serializers.Serializer[Any]):
    """An experiment: what was measured, and the engine that auto takes by it."""

    experiment = serializers.IntegerField()
    job = serializers.IntegerField(allow_null=True)
    rows = serializers.IntegerField()
    sampled = serializers.BooleanField(help_text="Whether only some of the vectors were measured.")
    recall_asked = serializers.FloatField()
    reports = EngineOutput(many=True)
    choice = serializers.CharField(allow_null=True, help_text="Null until everything is measured.")
    reason = serializers.CharField()
    asked_at = serializers.DateTimeField()
    done_at = serializers.DateTimeField(allow_null=True)

    class Meta:
        ref_name = "IndexExperiment"


class IndexExperimentsApi(APIView):
    """`indexes/{slug}/experiments/`: what was measured of engines on its own vectors; measure anew."""

    class Input(serializers.Serializer[Any]):
        engines = serializers.ListField(
            child=serializers.ChoiceField(choices=MEASURABLE), default=list(USUAL_ENGINES), allow_empty=False
        )

        class Meta:
            ref_name = "IndexExperimentPlan"

    @extend_schema(operation_id="index_experiments", responses=ExperimentOutput(many=True))
    def get(self, request: Request, slug: str) -> Response:
        return Response([described_experiment(one) for one in experiments_of(index_named(slug))])

    @extend_schema(operation_id="index_measure", request=Input, responses={202: ExperimentOutput})
    def post(self, request: Request, slug: str) -> Response:
        params = checked(self.Input(data=request.data))
        experiment = request_experiment(index_named(slug), params["engines"])
        begin(experiment.job)
        return Response(described_experiment(experiment), status=status.HTTP_202_ACCEPTED)
