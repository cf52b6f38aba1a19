"""The standings for programs."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_serializer
from rest_framework import serializers, status
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from evalapp.core.api.inputs import checked
from evalapp.leaderboard.queries import board_for, is_operator
from evalapp.leaderboard.services import board_as_published, board_of, declare_snapshot, document_of, take_snapshot
from evalapp.studies.queries.study_reads import study_by_slug


class LeaderboardApi(APIView):
    """`GET studies/{slug}/leaderboard/`: for everybody where the study says so, else for operators.

    Operators read the board as of now. Everybody else reads what was published while people vote: rounded numbers that
    move in steps of many votes; the newest votes are not in them.
    """

    permission_classes = (AllowAny,)

    @extend_schema_serializer(component_name="Leaderboard")
    class Output(serializers.Serializer[Any]):
        @extend_schema_serializer(component_name="Decision")
        class Decision(serializers.Serializer[Any]):
            @extend_schema_serializer(component_name="Missing")
            class Missing(serializers.Serializer[Any]):
                voters = serializers.IntegerField(help_text="People that are missing to the first statement.")
                rivals = serializers.ListField(
                    child=serializers.CharField(), help_text="Whom the leader has not beaten, the closest first."
                )
                votes = serializers.IntegerField(allow_null=True, help_text="So many more are likely to decide.")
                votes_low = serializers.IntegerField(allow_null=True, help_text="In half of all cases from so many …")
                votes_high = serializers.IntegerField(allow_null=True, help_text="… to so many.")

            state = serializers.CharField(help_text="`collecting` or `decided`.")
            winner = serializers.CharField(allow_null=True)
            delta = serializers.FloatField(help_text="The risk of ever naming a wrong winner.")
            votes = serializers.IntegerField(allow_null=True, help_text="Votes when the winner was declared.")
            margin = serializers.FloatField(help_text="Approvals so far apart at most are equal in practice.")
            practically_best = serializers.ListField(
                child=serializers.CharField(), help_text="Surely at most `margin` below every other."
            )
            kind = serializers.CharField(
                allow_null=True, help_text="`best` or `within_margin`: what the winner was declared as."
            )
            reason = serializers.CharField(
                help_text="Why: `best`, `within_margin`, or the condition that is not met: `no_votes`, "
                "`too_few_contenders`, `too_few_voters`, `not_compared`, `not_beaten`, `too_few_heavy`, `rehearsal`: "
                "votes of a simulated crowd decide nothing."
            )
            leader = serializers.CharField(allow_null=True, help_text="Who is in front now.")
            missing = Missing()

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
        rehearsal = serializers.BooleanField(help_text="Whether there are votes of a simulated crowd among them.")
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
        advice = serializers.CharField(
            help_text="What to do next: `use` the winner, `use_any` of the practically best, `use_cheaper` or call it "
            "a `tie`, `invite` more people, `end_rehearsal`."
        )
        offline = serializers.ListField(
            child=serializers.DictField(),
            help_text="Automatic scores: `key`, `points` (contender, value, interval, rank) best first, `correlation`.",
        )

    @extend_schema(operation_id="leaderboard", responses=Output)
    def get(self, request: Request, slug: str) -> Response:
        study = board_for(request, slug)
        live = is_operator(request) or not study.is_open
        return Response(document_of(study, board_of(study) if live else board_as_published(study)))


class SnapshotsApi(APIView):
    """`POST studies/{slug}/snapshots/`: keep the board as it is now, or promise to at a moment to come."""

    class Input(serializers.Serializer[Any]):
        at = serializers.DateTimeField(default=None, allow_null=True, help_text="A moment to come; now if left out.")

        class Meta:
            ref_name = "SnapshotInput"

    class Output(serializers.Serializer[Any]):
        snapshot = serializers.IntegerField(allow_null=True)
        votes = serializers.IntegerField(allow_null=True)
        at = serializers.DateTimeField()

        class Meta:
            ref_name = "SnapshotKept"

    @extend_schema(operation_id="snapshot_keep", request=Input, responses={201: Output})
    def post(self, request: Request, slug: str) -> Response:
        study, at = study_by_slug(slug), checked(self.Input(data=request.data))["at"]
        if at is not None:
            promised = declare_snapshot(study, at)
            document: dict[str, Any] = {"snapshot": None, "votes": None, "at": promised.due_at}
        else:
            snapshot = take_snapshot(study)
            document = {"snapshot": snapshot.pk, "votes": snapshot.votes, "at": snapshot.made_at}
        return Response(self.Output(document).data, status=status.HTTP_201_CREATED)
