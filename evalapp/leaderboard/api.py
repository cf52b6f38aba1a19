"""The standings for programs."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_serializer
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from evalapp.leaderboard.queries import board_for
from evalapp.leaderboard.services import board_of


class LeaderboardApi(APIView):
    """`GET studies/{slug}/leaderboard/`: for everybody where the study says so, else for operators."""

    permission_classes = (AllowAny,)

    @extend_schema_serializer(component_name="Leaderboard")
    class Output(serializers.Serializer[Any]):
        @extend_schema_serializer(component_name="Decision")
        class Decision(serializers.Serializer[Any]):
            state = serializers.CharField(help_text="`collecting` or `decided`.")
            winner = serializers.CharField(allow_null=True)
            delta = serializers.FloatField(help_text="The risk of ever naming a wrong winner.")

        @extend_schema_serializer(component_name="Standing")
        class Standing(serializers.Serializer[Any]):
            contender = serializers.CharField()
            rank_best = serializers.IntegerField()
            rank_worst = serializers.IntegerField()
            approval = serializers.FloatField(allow_null=True, help_text="Share of dope; null without votes.")
            low = serializers.FloatField()
            high = serializers.FloatField()
            votes = serializers.IntegerField(help_text="Votes on the pairs that it put first.")
            control = serializers.BooleanField(help_text="Whether it answers at random.")

        study = serializers.CharField()
        votes = serializers.IntegerField(help_text="Verdicts that count.")
        simulated = serializers.IntegerField(help_text="Of these, votes of a simulated crowd.")
        voters = serializers.IntegerField()
        credited_votes = serializers.IntegerField(help_text="A vote is credited to all who put its pair first.")
        decision = Decision()
        standings = Standing(many=True)

    @extend_schema(operation_id="leaderboard", responses=Output)
    def get(self, request: Request, slug: str) -> Response:
        return Response(board_of(board_for(request, slug)).as_json())
