"""`POST votes/`."""

from __future__ import annotations

import re
from typing import Any

from django.http import HttpResponse, JsonResponse
from drf_spectacular.utils import extend_schema, extend_schema_serializer
from rest_framework import serializers
from rest_framework.request import Request

from evalapp.voting.api.serializers import VoterApi
from evalapp.voting.models import Answer
from evalapp.voting.queries.voter_identity import known_voter
from evalapp.voting.services.vote_casting import Ballot, Receipt, Status, cast_votes

MOST_VOTES = 100
_MOST_MILLISECONDS = 2**31 - 1
_LONGEST_TOKEN, _LONGEST_CLIENT_ID = 200, 64
_BALLOT_WORDS = {"token", "verdict", "response_ms", "client_id"}
_ANSWERS = frozenset(Answer.values)
_PLAIN = re.compile(r"[\w:.-]*", re.ASCII)


@extend_schema_serializer(component_name="Ballot")
class BallotInput(serializers.Serializer[Any]):
    """One answer."""

    token = serializers.CharField(max_length=_LONGEST_TOKEN)
    verdict = serializers.ChoiceField(choices=Answer.choices)
    response_ms = serializers.IntegerField(
        min_value=0, max_value=_MOST_MILLISECONDS, required=False, allow_null=True, default=None
    )
    client_id = serializers.CharField(max_length=_LONGEST_CLIENT_ID, required=False, allow_blank=True, default="")


class VotesApi(VoterApi):
    """`POST votes/`: answers, each recorded once however often it is sent; an entry that is off spoils no other."""

    @extend_schema_serializer(component_name="VotesInput")
    class Input(serializers.Serializer[Any]):
        votes = serializers.ListField(child=BallotInput(), min_length=1, max_length=MOST_VOTES)

    @extend_schema_serializer(component_name="VotesOutput")
    class Output(serializers.Serializer[Any]):
        @extend_schema_serializer(component_name="Receipt")
        class Receipt(serializers.Serializer[Any]):
            token = serializers.CharField()
            status = serializers.ChoiceField(choices=[str(status) for status in Status])
            verdict = serializers.ChoiceField(
                choices=Answer.choices, required=False, help_text="The answer that stands, where there is one."
            )
            message = serializers.CharField(required=False, help_text="What is off with an invalid entry.")

        results = Receipt(many=True)

    class _Envelope(serializers.Serializer[Any]):
        # Entries are looked at one by one, so that a bad one is told apart from the good.
        votes = serializers.ListField(child=serializers.JSONField(allow_null=True), min_length=1, max_length=MOST_VOTES)

    @extend_schema(operation_id="votes", request=Input, responses=Output)
    def post(self, request: Request) -> HttpResponse:
        entries = [_read_ballot(entry) for entry in self._ballot_entries(request.data)]
        cast_receipts = iter(
            cast_votes(known_voter(request), [ballot for ballot in entries if isinstance(ballot, Ballot)])
        )
        receipts = [next(cast_receipts) if isinstance(entry, Ballot) else entry for entry in entries]
        return JsonResponse({"results": [_as_json(receipt) for receipt in receipts]})

    def _ballot_entries(self, data: Any) -> list[Any]:
        entries = data.get("votes") if isinstance(data, dict) else None
        if isinstance(entries, list) and 1 <= len(entries) <= MOST_VOTES:
            return entries
        envelope = self._Envelope(data=data)
        envelope.is_valid(raise_exception=True)
        checked_entries: list[Any] = envelope.validated_data["votes"]
        return checked_entries


def _read_ballot(entry: Any) -> Ballot | Receipt:
    """The ballot, or a receipt that says what is off. What the page sends is read without a serializer: it takes
    longer than everything else that is done for a vote outside the database."""
    if isinstance(entry, dict) and entry.keys() <= _BALLOT_WORDS and _is_plain(**entry):
        return Ballot(**entry)
    serializer = BallotInput(data=entry)
    if serializer.is_valid():
        return Ballot(**serializer.validated_data)
    token = entry.get("token") if isinstance(entry, dict) else None
    faults = "; ".join(
        f"{name}: {' '.join(str(fault) for fault in faults)}" if isinstance(faults, list) else str(faults)
        for name, faults in serializer.errors.items()
    )
    return Receipt(token if isinstance(token, str) else "", Status.INVALID, message=faults)


def _is_plain(token: Any = None, verdict: Any = None, response_ms: Any = None, client_id: Any = "") -> bool:
    return (
        isinstance(token, str)
        and 0 < len(token) <= _LONGEST_TOKEN
        and isinstance(verdict, str)
        and verdict in _ANSWERS
        and (response_ms is None or (type(response_ms) is int and 0 <= response_ms <= _MOST_MILLISECONDS))
        and isinstance(client_id, str)
        and len(client_id) <= _LONGEST_CLIENT_ID
        and _PLAIN.fullmatch(token + client_id) is not None
    )


def _as_json(receipt: Receipt) -> dict[str, Any]:
    fields = {"token": receipt.token, "status": receipt.status, "verdict": receipt.verdict, "message": receipt.message}
    return {name: value for name, value in fields.items() if value is not None}
