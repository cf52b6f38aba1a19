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
            votes = serializers.IntegerField(allow_null=True, help_text="Votes when the winner was declared.")
            margin = serializers.FloatField(help_text="Approvals so far apart at most are equal in practice.")
            practically_best = serializers.ListField(
                child=serializers.CharField(), help_text="Surely at most `margin` below every other."
            )

        @extend_schema_serializer(component_name="Standing")
        class Standing(serializers.Serializer[Any]):
            contender = serializers.CharField()
            rank_best = serializers.IntegerField(allow_null=True, help_text="Null for an archived contender.")
            rank_worst = serializers.IntegerField(allow_null=True)
            approval = serializers.FloatField(allow_null=True, help_text="Share of dope; null without votes.")
            low = serializers.FloatField()
            high = serializers.FloatField()
            votes = serializers.IntegerField(help_text="Votes on the pairs that it put first.")
            control = serializers.BooleanField(help_text="Whether it answers at random.")
            design_effect = serializers.FloatField(
                allow_null=True, help_text="Variance with voters as clusters over that of single votes."
            )
            raw_approval = serializers.FloatField(allow_null=True, help_text="With the votes that were set aside.")
            evidence_against = serializers.FloatField(help_text="log10 of the e-value against being the best.")

        @extend_schema_serializer(component_name="Sampling")
        class Sampling(serializers.Serializer[Any]):
            method = serializers.CharField(help_text="`uniform`, `adaptive` or `quota`.")
            version = serializers.IntegerField(allow_null=True, help_text="The published design in force.")
            published_votes = serializers.IntegerField(help_text="Votes when it was published.")

        @extend_schema_serializer(component_name="SetAside")
        class SetAside(serializers.Serializer[Any]):
            votes = serializers.IntegerField()
            voters = serializers.IntegerField()
            reasons = serializers.DictField(child=serializers.IntegerField())

        study = serializers.CharField()
        votes = serializers.IntegerField(help_text="Verdicts that count.")
        simulated = serializers.IntegerField(help_text="Of these, votes of a simulated crowd.")
        voters = serializers.IntegerField()
        credited_votes = serializers.IntegerField(help_text="A vote is credited to all who put its pair first.")
        decision = Decision()
        standings = Standing(many=True)
        sampling = Sampling()
        set_aside = SetAside()
        design_effect = serializers.FloatField(allow_null=True, help_text="The median of the standings.")
        pending = serializers.IntegerField(help_text="Votes stored that are not in these numbers yet.")
        alpha = serializers.FloatField(help_text="An interval ever misses with at most this probability.")
        method = serializers.CharField(help_text="Version of the counting rules.")

    @extend_schema(operation_id="leaderboard", responses=Output)
    def get(self, request: Request, slug: str) -> Response:
        return Response(board_of(board_for(request, slug)).as_json())
