"""`studies/{slug}/voters/`, for operators: who votes there, set aside and back with a reason."""

from __future__ import annotations

import uuid
from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from evalapp.studies.queries.study_reads import study_by_slug
from evalapp.voting.models import Voter
from evalapp.voting.queries.voter_lists import ORDERS, STATES, USUAL, listed_voters
from evalapp.voting.services.voters import block_address, block_voter, unblock_address, unblock_voter

_MOST = 1000


class VotersApi(APIView):
    """`GET studies/{slug}/voters/`: what their answers tell about them, the blocked first, then who answered most.

    `state` leaves only some of them, `order` puts others first; who has no such number comes last.
    """

    class Input(serializers.Serializer[Any]):
        limit = serializers.IntegerField(default=USUAL, min_value=1, max_value=_MOST)
        offset = serializers.IntegerField(
            default=0, min_value=0, max_value=10**6, help_text="So many are left out from the first on."
        )
        state = serializers.ChoiceField(
            choices=list(STATES.items()), default="", allow_blank=True, help_text="Only those."
        )
        order = serializers.ChoiceField(
            choices=list(ORDERS.items()), default="", allow_blank=True, help_text="Who comes first."
        )

        class Meta:
            ref_name = "VotersInput"

    class Output(serializers.Serializer[Any]):
        voter = serializers.UUIDField()
        answers = serializers.IntegerField()
        counted = serializers.IntegerField(help_text="Answers that count.")
        gold = serializers.IntegerField(help_text="Known answers met.")
        gold_agreement = serializers.FloatField(allow_null=True)
        repeats = serializers.IntegerField()
        self_agreement = serializers.FloatField(allow_null=True)
        honesty = serializers.FloatField(help_text="The probability that they look at the pictures.")
        median_ms = serializers.IntegerField(allow_null=True)
        longest_run = serializers.IntegerField(help_text="Same answers in a row.")
        straight_lining = serializers.FloatField(help_text="Probability of such a run; small is suspicious.")
        neighbours = serializers.IntegerField(help_text="Voters of the same address on that day.")
        is_simulated = serializers.BooleanField()
        last = serializers.DateTimeField()
        blocked_at = serializers.DateTimeField(allow_null=True)
        block_reason = serializers.CharField()
        trusted = serializers.BooleanField(help_text="An operator took a block back.")

        class Meta:
            ref_name = "VoterLine"

    @extend_schema(operation_id="voters", parameters=[Input], responses=Output(many=True))
    def get(self, request: Request, slug: str) -> Response:
        serializer = self.Input(data=request.query_params)
        serializer.is_valid(raise_exception=True)
        listed = listed_voters(study_by_slug(slug), **serializer.validated_data)
        return Response(self.Output(listed.lines, many=True).data)


class _SettingAside(APIView):
    class Input(serializers.Serializer[Any]):
        reason = serializers.CharField(
            default="", allow_blank=True, max_length=200, help_text="Kept in who did what; voters never read it."
        )
        address = serializers.BooleanField(
            default=False, help_text="All voters of the same address and day; of an IPv6 address, its first 64 bits."
        )

        class Meta:
            ref_name = "SettingAside"

    class Output(serializers.Serializer[Any]):
        votes = serializers.IntegerField(help_text="So many count no more, or again.")

        class Meta:
            ref_name = "SetAsideVotes"

    def _read_request(self, request: Request, slug: str, voter: uuid.UUID) -> tuple[Voter, str, bool]:
        serializer = self.Input(data=request.data)
        serializer.is_valid(raise_exception=True)
        study_by_slug(slug)
        voter_row = get_object_or_404(Voter, pk=voter)
        return voter_row, serializer.validated_data["reason"], serializer.validated_data["address"]


class BlockVoterApi(_SettingAside):
    """`POST studies/{slug}/voters/{voter}/block/`: their votes count no more, in every study."""

    @extend_schema(operation_id="voter_block", request=_SettingAside.Input, responses=_SettingAside.Output)
    def post(self, request: Request, slug: str, voter: uuid.UUID) -> Response:
        voter_row, reason, whole = self._read_request(request, slug, voter)
        votes = block_address(voter_row, note=reason) if whole else block_voter(voter_row, note=reason)
        return Response({"votes": votes})


class UnblockVoterApi(_SettingAside):
    """`POST studies/{slug}/voters/{voter}/unblock/`: they count again, and the voter is trusted from now on."""

    @extend_schema(operation_id="voter_unblock", request=_SettingAside.Input, responses=_SettingAside.Output)
    def post(self, request: Request, slug: str, voter: uuid.UUID) -> Response:
        voter_row, reason, whole = self._read_request(request, slug, voter)
        votes = unblock_address(voter_row, note=reason) if whole else unblock_voter(voter_row, note=reason)
        return Response({"votes": votes})
