"""`POST studies/{slug}/deck/`."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpResponse, JsonResponse
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_serializer
from rest_framework import serializers
from rest_framework.request import Request

from evalapp.core.domain.errors import TooMany
from evalapp.voting.api.serializers import ExposureOutput, GroupOutput, VoterApi
from evalapp.voting.domain.rate_limits import pairs_by_address, voters_by_address
from evalapp.voting.domain.void_reasons import TRAP
from evalapp.voting.models import Voter
from evalapp.voting.queries.blind_payload import deck_as_shown
from evalapp.voting.queries.voter_identity import address_of, known_voter, remember_voter
from evalapp.voting.services.deck_serving import ForgottenVoter, deck_for
from evalapp.voting.services.voters import block_voter

MOST_EXPOSURES = 50
_USUAL = 10


class DeckApi(VoterApi):
    """`POST studies/{slug}/deck/`: pairs that this voter has not seen."""

    @extend_schema_serializer(component_name="DeckInput")
    class Input(serializers.Serializer[Any]):
        n = serializers.IntegerField(min_value=1, max_value=MOST_EXPOSURES, default=_USUAL)
        website = serializers.CharField(
            required=False, allow_blank=True, max_length=200, help_text="Leave it out; people never see it."
        )

    @extend_schema_serializer(component_name="Deck")
    class Output(serializers.Serializer[Any]):
        exposures = ExposureOutput(many=True, help_text="Pairs; empty in studies that show several together.")
        groups = GroupOutput(many=True, required=False, help_text="In studies that show several together.")
        exhausted = serializers.BooleanField(help_text="True when nothing is left for this voter now.")

    @extend_schema(operation_id="deck", request=Input, responses=Output)
    def post(self, request: Request, slug: str) -> HttpResponse:
        n, trap = self._read_input(request.data)
        cookie_voter = known_voter(request)
        voter = cookie_voter or _somebody_new(request)
        _let_in(request, n, is_new=cookie_voter is None)
        try:
            deck = deck_for(slug, voter, n, limited=True)
        except ForgottenVoter:
            voter = _somebody_new(request)
            deck = deck_for(slug, voter, n, limited=True)
        if trap:
            block_voter(voter, TRAP)
        response = JsonResponse({**deck_as_shown(deck.study, deck.cards), "exhausted": not deck.cards})
        if voter is not cookie_voter:
            remember_voter(request, response, voter)
        return response

    def _read_input(self, data: Any) -> tuple[int, str]:
        """How many are asked for, and what stands in the field that people never see."""
        if isinstance(data, dict) and data.keys() <= {"n"}:
            n = data.get("n", _USUAL)
            if type(n) is int and 1 <= n <= MOST_EXPOSURES:
                return n, ""
        serializer = self.Input(data=data)
        serializer.is_valid(raise_exception=True)
        return serializer.validated_data["n"], serializer.validated_data.get("website", "")


def _somebody_new(request: Request) -> Voter:
    return Voter(address=address_of(request), address_until=timezone.now() + settings.ADDRESS_KEPT)


def _let_in(request: Request, n: int, *, is_new: bool) -> None:
    """Stop what no crowd behind one address would ask for."""
    address = address_of(request)
    if is_new and not voters_by_address.take(address, 1, settings.ADDRESS_VOTERS_PER_MINUTE):
        raise TooMany("Too many people have come from your network at once. Please try again in a minute.")
    if not pairs_by_address.take(address, n, settings.ADDRESS_PAIRS_PER_MINUTE):
        raise TooMany("Your network asks for more pairs than can be looked at. Please try again in a minute.")
