"""Schedules of the loop over HTTP, for operators."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from evalapp.core.api.inputs import checked
from evalapp.studies.queries.study_reads import study_by_slug
from evalapp.training.queries import training_runs
from evalapp.training.services import schedules


class TurnOutput(serializers.Serializer[Any]):
    """A turn of the loop."""

    run = serializers.IntegerField(source="run_id", help_text="The training run.")
    state = serializers.CharField(
        help_text="`training`, `computing`, `ready`, `voting`, `promoted`, `kept`, `stopped` or `failed`."
    )
    note = serializers.CharField()
    study = serializers.CharField(source="following.slug", default=None, help_text="The next round, once drafted.")
    created_at = serializers.DateTimeField()

    class Meta:
        ref_name = "LoopTurn"


class ScheduleOutput(serializers.Serializer[Any]):
    """A schedule and where it stands."""

    id = serializers.IntegerField(source="schedule.pk")
    name = serializers.CharField(source="schedule.name")
    study = serializers.CharField(source="schedule.study.slug", help_text="The round it learns from next.")
    recipe = serializers.CharField(source="schedule.recipe")
    settings = serializers.DictField(source="schedule.config")
    sources = serializers.ListField(source="schedule.sources", child=serializers.CharField())
    every_votes = serializers.IntegerField(source="schedule.every_votes", allow_null=True)
    every_days = serializers.IntegerField(source="schedule.every_days", allow_null=True)
    open = serializers.BooleanField(source="schedule.opens")
    enabled = serializers.BooleanField(source="schedule.enabled")
    stopped_because = serializers.CharField(source="schedule.stopped_because")
    turns = serializers.IntegerField(source="schedule.turns", help_text="Turns begun so far.")
    votes = serializers.IntegerField(help_text="Votes since the last turn began.")
    last_turn = TurnOutput(source="turn", allow_null=True)
    guard_holds = serializers.BooleanField(allow_null=True, help_text="In the last turn; null if not measured.")

    class Meta:
        ref_name = "Schedule"


class SchedulesApi(APIView):
    """`GET schedules/`, `POST schedules/`."""

    class Input(serializers.Serializer[Any]):
        study = serializers.CharField(max_length=80)
        name = serializers.CharField(max_length=60, help_text="The encoders are called NAME-g1, NAME-g2 …")
        recipe = serializers.CharField(default="adapter", max_length=40)
        every_votes = serializers.IntegerField(default=None, allow_null=True, min_value=1, max_value=2**31 - 1)
        every_days = serializers.IntegerField(default=None, allow_null=True, min_value=1, max_value=3650)
        sources = serializers.ListField(child=serializers.CharField(), default=list, max_length=16)
        settings = serializers.DictField(default=dict)
        open = serializers.BooleanField(default=True, help_text="Open the next round by itself.")

        class Meta:
            ref_name = "NewSchedule"

    @extend_schema(operation_id="schedules", responses=ScheduleOutput(many=True))
    def get(self, request: Request) -> Response:
        return Response(ScheduleOutput(training_runs.schedule_lines(), many=True).data)

    @extend_schema(operation_id="schedule_set", request=Input, responses={201: ScheduleOutput})
    def post(self, request: Request) -> Response:
        params = checked(self.Input(data=request.data))
        study, opens = study_by_slug(params.pop("study")), params.pop("open")
        schedule = schedules.set_schedule(study, opens=opens, **params)
        return Response(ScheduleOutput(training_runs.schedule_by_id(schedule.pk)).data, status=status.HTTP_201_CREATED)


class ScheduleApi(APIView):
    """`GET schedules/{id}/`, `PATCH schedules/{id}/`."""

    class Input(serializers.Serializer[Any]):
        enabled = serializers.BooleanField(help_text="`false` pauses it, `true` lets it go on.")

        class Meta:
            ref_name = "ChangeSchedule"

    @extend_schema(operation_id="schedule", responses=ScheduleOutput)
    def get(self, request: Request, schedule_id: int) -> Response:
        return Response(ScheduleOutput(training_runs.schedule_by_id(schedule_id)).data)

    @extend_schema(operation_id="schedule_change", request=Input, responses=ScheduleOutput)
    def patch(self, request: Request, schedule_id: int) -> Response:
        schedule = training_runs.schedule_by_id(schedule_id).schedule
        change = (
            schedules.resume_schedule if checked(self.Input(data=request.data))["enabled"] else schedules.pause_schedule
        )
        change(schedule)
        return Response(ScheduleOutput(training_runs.schedule_by_id(schedule_id)).data)
