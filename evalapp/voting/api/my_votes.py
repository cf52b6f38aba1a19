"""What a voter may do with their own answers: take them back, look at them, be forgotten."""

from __future__ import annotations

from itertools import groupby
from operator import itemgetter
from typing import Any

from django.http import HttpResponse, JsonResponse
from drf_spectacular.utils import extend_schema, extend_schema_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from evalapp.studies.queries.study_reads import opened_study
from evalapp.voting.api.serializers import ExposureOutput, GroupOutput, PictureOutput, VoterApi
from evalapp.voting.models import Answer
from evalapp.voting.queries.blind_payload import answers_as_shown, deck_as_shown
from evalapp.voting.queries.deck_reads import cards_of
from evalapp.voting.queries.my_votes import in_tens, yours_of
from evalapp.voting.queries.voter_identity import forget_cookie, known_voter
from evalapp.voting.services.undo import MOST_UNDONE, undo_votes
from evalapp.voting.services.voters import forget_voter


class UndoApi(VoterApi):
    """`POST votes/undo/`: the voter's last answers, newest first, to be given again."""

    @extend_schema_serializer(component_name="UndoInput")
    class Input(serializers.Serializer[Any]):
        n = serializers.IntegerField(min_value=1, max_value=MOST_UNDONE, default=1)
        study = serializers.SlugField(required=False, help_text="Only answers in this study.")

    @extend_schema_serializer(component_name="Undone")
    class Output(serializers.Serializer[Any]):
        @extend_schema_serializer(component_name="UndoneExposure")
        class Undone(ExposureOutput):
            verdict = serializers.ChoiceField(choices=Answer.choices, help_text="What had been said.")

        exposures = Undone(many=True)
        groups = GroupOutput(many=True, required=False, help_text="With a verdict on each candidate.")

    @extend_schema(operation_id="undo", request=Input, responses=Output)
    def post(self, request: Request) -> Response:
        serializer = self.Input(data=request.data)
        serializer.is_valid(raise_exception=True)
        slug = serializer.validated_data.get("study")
        study = opened_study(slug) if slug else None
        voter = known_voter(request)
        undone = undo_votes(voter, serializer.validated_data["n"], study) if voter else []
        cards = cards_of([vote.exposure for vote in undone])
        verdicts = {vote.exposure.token: vote.verdict for vote in undone}
        answer: dict[str, Any] = {"exposures": []}
        studies = [vote.exposure.study for vote in undone]
        for of_study, members in groupby(zip(studies, cards, strict=True), key=itemgetter(0)):
            for name, shown in deck_as_shown(of_study, [card for _, card in members], verdicts).items():
                answer.setdefault(name, []).extend(shown)
        return Response(answer)


class YoursApi(VoterApi):
    """`GET studies/{slug}/yours/`: the voter's own answers, and how often others agree."""

    @extend_schema_serializer(component_name="Yours")
    class Output(serializers.Serializer[Any]):
        @extend_schema_serializer(component_name="Agreement")
        class Agreement(serializers.Serializer[Any]):
            share = serializers.FloatField(help_text="0 … 1, of the verdicts that could be compared.")
            compared = serializers.IntegerField(help_text="In tens.")

        @extend_schema_serializer(component_name="OwnAnswer")
        class OwnAnswer(serializers.Serializer[Any]):
            query = PictureOutput()
            candidate = PictureOutput()
            verdict = serializers.ChoiceField(choices=Answer.choices)

        answered = serializers.IntegerField()
        agreement = Agreement(allow_null=True, help_text="Null before twenty verdicts, and where others are few.")
        until_agreement = serializers.IntegerField(help_text="Verdicts missing before the agreement is told.")
        last = OwnAnswer(many=True, help_text="The last answers, newest first.")

    @extend_schema(operation_id="yours", responses=Output)
    def get(self, request: Request, slug: str) -> Response:
        yours = yours_of(opened_study(slug), known_voter(request))
        agreement = yours.agreement
        return Response(
            {
                "answered": yours.answered,
                # In whole percents and tens: finer steps would tell what others say about single pairs.
                "agreement": agreement
                and {"share": round(agreement.share, 2), "compared": in_tens(agreement.compared)},
                "until_agreement": yours.until_agreement,
                "last": answers_as_shown(yours.last),
            }
        )


class ForgetApi(VoterApi):
    """`POST me/forget/`: cut the tie between the visitor and their votes, and take the cookie back."""

    @extend_schema_serializer(component_name="Forgotten")
    class Output(serializers.Serializer[Any]):
        votes = serializers.IntegerField(help_text="Answers that stay, as nobody's.")

    @extend_schema(operation_id="forget", request=None, responses=Output)
    def post(self, request: Request) -> HttpResponse:
        voter = known_voter(request)
        response = JsonResponse({"votes": forget_voter(voter) if voter else 0})
        forget_cookie(response)
        return response
