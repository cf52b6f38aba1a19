"""Training runs over HTTP, for operators."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from evalapp.catalog.queries import catalogue_named
from evalapp.core.domain.errors import InvalidInput
from evalapp.core.domain.job_targets import target_of
from evalapp.core.tasks import nudge
from evalapp.studies.queries.study_reads import study_by_slug
from evalapp.training.models import TrainingRun
from evalapp.training.queries import training_runs
from evalapp.training.services import training_runs as services
from evalapp.training.services.retraining import begin_retraining
from evalapp.training.services.start_encoder import bases_named


class RunOutput(serializers.Serializer[Any]):
    """A run: what it learns from and how, where it stands, what came out."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    recipe = serializers.CharField()
    config = serializers.DictField()
    learns_from = serializers.CharField(help_text="`catalogue:ID` or `study:ID`.")
    seed = serializers.IntegerField()
    starts_from = serializers.CharField(help_text="The encoder and the tap that it starts from.")
    state = serializers.CharField()
    error = serializers.CharField()
    job = serializers.IntegerField(allow_null=True)
    model = serializers.CharField(allow_null=True, help_text="The new encoder; null until there is one.")
    metrics = serializers.DictField()
    card = serializers.DictField()
    created_at = serializers.DateTimeField()

    class Meta:
        ref_name = "TrainingRun"


class TrainingRunsApi(APIView):
    """`GET` and `POST training-runs/`."""

    class Page(serializers.Serializer[Any]):
        before = serializers.IntegerField(default=None, allow_null=True, min_value=1)
        limit = serializers.IntegerField(default=50, min_value=1, max_value=500)

    class Input(serializers.Serializer[Any]):
        catalogue = serializers.CharField(default="", help_text="To learn from labels.")
        study = serializers.CharField(default="", help_text="To learn from votes.")
        recipe = serializers.CharField()
        name = serializers.CharField(max_length=80)
        base = serializers.CharField(default="", help_text="`MODEL` or `MODEL.TAP`; one or `sources` with a catalogue.")
        sources = serializers.ListField(
            child=serializers.CharField(),
            default=list,
            max_length=16,
            help_text="The encoders to start from, side by side; with a study those of it if none is named.",
        )
        open = serializers.BooleanField(default=False, help_text="With a study: open the next round by itself.")
        settings = serializers.DictField(default=dict, help_text="Settings of the recipe by name.")

        class Meta:
            ref_name = "TrainingRunInput"

    @extend_schema(operation_id="training_runs", parameters=[Page], responses=RunOutput(many=True))
    def get(self, request: Request) -> Response:
        serializer = self.Page(data=request.query_params)
        serializer.is_valid(raise_exception=True)
        runs = training_runs.training_runs().order_by("-pk")
        if serializer.validated_data["before"] is not None:
            runs = runs.filter(pk__lt=serializer.validated_data["before"])
        documents = [training_runs.run_document(run) for run in runs[: serializer.validated_data["limit"]]]
        return Response(RunOutput(documents, many=True).data)

    @extend_schema(operation_id="training_run_begin", request=Input, responses={201: RunOutput})
    def post(self, request: Request) -> Response:
        serializer = self.Input(data=request.data)
        serializer.is_valid(raise_exception=True)
        run = _begin_from_params(serializer.validated_data)
        if run.job is not None:
            nudge(run.job)
        return Response(RunOutput(training_runs.run_document(run)).data, status=status.HTTP_201_CREATED)


def _begin_from_params(params: dict[str, Any]) -> TrainingRun:
    if bool(params["catalogue"]) == bool(params["study"]):
        raise InvalidInput("Name the catalogue whose labels, or the study whose votes are learnt from.")
    sources = params["sources"] or ([params["base"]] if params["base"] else [])
    if params["study"]:
        study = study_by_slug(params["study"])
        return begin_retraining(
            study,
            recipe=params["recipe"],
            name=params["name"],
            sources=sources,
            settings=params["settings"],
            opens=params["open"],
        ).run
    parent, tap = bases_named(sources or [""])
    return services.begin_run(
        name=params["name"],
        recipe=params["recipe"],
        data=target_of("catalogue", catalogue_named(params["catalogue"]).pk),
        parent=parent,
        parent_tap=tap,
        settings=params["settings"],
    )


class TrainingRunApi(APIView):
    """`GET training-runs/{id}/`: with its epochs."""

    class Input(serializers.Serializer[Any]):
        after = serializers.IntegerField(default=0, min_value=0, help_text="Epochs that were read before, by id.")

    class Output(RunOutput):
        class EpochLine(serializers.Serializer[Any]):
            id = serializers.IntegerField(source="pk")
            part = serializers.CharField()
            epoch = serializers.IntegerField()
            epochs = serializers.IntegerField(help_text="So many at most.")
            values = serializers.DictField(help_text="Loss and measures by name.")

            class Meta:
                ref_name = "TrainingEpoch"

        epochs = EpochLine(many=True)

        class Meta:
            ref_name = "TrainingRunWithEpochs"

    @extend_schema(operation_id="training_run", parameters=[Input], responses=Output)
    def get(self, request: Request, run_id: int) -> Response:
        serializer = self.Input(data=request.query_params)
        serializer.is_valid(raise_exception=True)
        run = training_runs.run_by_id(run_id)
        epochs = training_runs.epochs_of(run, after=serializer.validated_data["after"])
        return Response(
            {
                **RunOutput(training_runs.run_document(run)).data,
                "epochs": self.Output.EpochLine(epochs, many=True).data,
            }
        )
