"""What the play page calls: a deck of pairs, votes, and taking them back.

None of these operations authenticates by session or token, so none asks for a CSRF token: the voter's cookie is
SameSite=Lax and thus not sent with another site's POST, only JSON is read, and the tokens of exposures are random,
signed and bound to the voter.
"""

from __future__ import annotations

import re
from itertools import groupby
from operator import itemgetter
from typing import Any

from django.conf import settings
from django.http import HttpResponse, JsonResponse
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_serializer
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from evalapp.core.errors import NotFound, TooMany
from evalapp.studies.models import StudyState
from evalapp.studies.queries import study_by_slug
from evalapp.voting.blind import answers_as_shown, deck_as_shown
from evalapp.voting.limits import pairs_by_address, voters_by_address
from evalapp.voting.models import Answer, Side, Voter
from evalapp.voting.queries import cards_of, study_to_vote_on
from evalapp.voting.services import (
    Ballot,
    Receipt,
    Status,
    block_voter,
    cast_votes,
    forget_voter,
    serve_deck,
    undo_votes,
)
from evalapp.voting.services.decks import ForgottenVoter
from evalapp.voting.services.voters import TRAP
from evalapp.voting.visitors import (
    address_of,
    forget_cookie,
    known_voter,
    remember_voter,
    voter_for_request,
)
from evalapp.voting.yours import yours_of

MOST_EXPOSURES = 50
MOST_VOTES = 100
MOST_UNDONE = 10
_MOST_MILLISECONDS = 2**31 - 1
_LONGEST_TOKEN, _LONGEST_CLIENT_ID = 200, 64
_BALLOT_WORDS = {"token", "verdict", "response_ms", "client_id"}
_ANSWERS = frozenset(Answer.values)
_PLAIN = re.compile(r"[\w:.-]*", re.ASCII)


class VoterApi(APIView):
    """An operation for voters; see the module for why no CSRF token is asked for."""

    authentication_classes = ()
    permission_classes = (AllowAny,)


class _PictureOutput(serializers.Serializer[Any]):
    image = serializers.CharField(help_text="Address of the picture, as WebP.")
    srcset = serializers.CharField(help_text="The same for usual and for dense screens, as the attribute wants it.")
    jpeg = serializers.CharField(help_text="Address of the picture for who cannot show WebP.")
    width = serializers.IntegerField(help_text="Pixels of the picture at that address.")
    height = serializers.IntegerField()
    alt = serializers.CharField(help_text="Neutral words; never what the picture shows.")

    class Meta:
        ref_name = "Picture"


@extend_schema_serializer(component_name="Exposure")
class ExposureOutput(serializers.Serializer[Any]):
    """One pair to be judged."""

    token = serializers.CharField(help_text="Send it back with the vote.")
    query = _PictureOutput()
    candidate = _PictureOutput()
    side = serializers.ChoiceField(
        choices=Side.choices, required=False, help_text="Where the query stands, in studies that leave it to chance."
    )


@extend_schema_serializer(component_name="Group")
class GroupOutput(serializers.Serializer[Any]):
    """One query with several candidates: the closer of two, or all that match."""

    @extend_schema_serializer(component_name="GroupCandidate")
    class Candidate(_PictureOutput):
        token = serializers.CharField(help_text="Send it back with the vote on this candidate.")

    group = serializers.CharField()
    query = _PictureOutput()
    candidates = Candidate(many=True)


class DeckApi(VoterApi):
    """`POST studies/{slug}/deck/`: pairs that this voter has not seen."""

    @extend_schema_serializer(component_name="DeckInput")
    class Input(serializers.Serializer[Any]):
        n = serializers.IntegerField(min_value=1, max_value=MOST_EXPOSURES, default=10)
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
        words = self.Input(data=request.data)
        words.is_valid(raise_exception=True)
        study = study_to_vote_on(slug)
        voter, n = voter_for_request(request), words.validated_data["n"]
        _let_in(request, voter, n)
        try:
            exposures = serve_deck(study, voter, n, limited=True)
        except ForgottenVoter:
            voter = Voter(address=address_of(request), address_until=timezone.now() + settings.ADDRESS_KEPT)
            exposures = serve_deck(study, voter, n, limited=True)
        if words.validated_data.get("website"):
            block_voter(voter, TRAP)
        response = JsonResponse({**deck_as_shown(study, cards_of(exposures)), "exhausted": not exposures})
        remember_voter(request, response, voter)
        return response


def _let_in(request: Request, voter: Voter, n: int) -> None:
    """Stop what no crowd behind one address would ask for, and note where a new voter comes from."""
    address = address_of(request)
    if known_voter(request) is None:
        voter.address, voter.address_until = address, timezone.now() + settings.ADDRESS_KEPT
        if not voters_by_address.take(address, 1, settings.ADDRESS_VOTERS_PER_MINUTE):
            raise TooMany("Too many people have come from your network at once. Please try again in a minute.")
    if not pairs_by_address.take(address, n, settings.ADDRESS_PAIRS_PER_MINUTE):
        raise TooMany("Your network asks for more pairs than can be looked at. Please try again in a minute.")


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
        read = [_read_ballot(entry) for entry in self._entries(request.data)]
        cast = iter(cast_votes(known_voter(request), [ballot for ballot in read if isinstance(ballot, Ballot)]))
        receipts = [next(cast) if isinstance(entry, Ballot) else entry for entry in read]
        return JsonResponse({"results": [_as_json(receipt) for receipt in receipts]})

    def _entries(self, data: Any) -> list[Any]:
        entries = data.get("votes") if isinstance(data, dict) else None
        if isinstance(entries, list) and 1 <= len(entries) <= MOST_VOTES:
            return entries
        envelope = self._Envelope(data=data)
        envelope.is_valid(raise_exception=True)
        found: list[Any] = envelope.validated_data["votes"]
        return found


def _read_ballot(entry: Any) -> Ballot | Receipt:
    """The ballot, or a receipt that says what is off. What the page sends is read without a serializer: it takes
    longer than everything else that is done for a vote outside the database."""
    if isinstance(entry, dict) and entry.keys() <= _BALLOT_WORDS and _is_plain(**entry):
        return Ballot(**entry)
    words = BallotInput(data=entry)
    if words.is_valid():
        return Ballot(**words.validated_data)
    token = entry.get("token") if isinstance(entry, dict) else None
    faults = "; ".join(
        f"{name}: {' '.join(str(fault) for fault in faults)}" if isinstance(faults, list) else str(faults)
        for name, faults in words.errors.items()
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
    shown = {"token": receipt.token, "status": receipt.status, "verdict": receipt.verdict, "message": receipt.message}
    return {name: value for name, value in shown.items() if value is not None}


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
        words = self.Input(data=request.data)
        words.is_valid(raise_exception=True)
        slug = words.validated_data.get("study")
        study = study_by_slug(slug) if slug else None
        voter = known_voter(request)
        undone = undo_votes(voter, words.validated_data["n"], study) if voter else []
        cards = cards_of([one.exposure for one in undone])
        said = {one.exposure.token: one.verdict for one in undone}
        answer: dict[str, Any] = {"exposures": []}
        studies = [one.exposure.study for one in undone]
        for one, members in groupby(zip(studies, cards, strict=True), key=itemgetter(0)):
            for name, shown in deck_as_shown(one, [card for _, card in members], said).items():
                answer.setdefault(name, []).extend(shown)
        return Response(answer)


class YoursApi(VoterApi):
    """`GET studies/{slug}/yours/`: the voter's own answers, and how often others agree."""

    @extend_schema_serializer(component_name="Yours")
    class Output(serializers.Serializer[Any]):
        @extend_schema_serializer(component_name="Agreement")
        class Agreement(serializers.Serializer[Any]):
            share = serializers.FloatField(help_text="0 … 1, of the verdicts that could be compared.")
            compared = serializers.IntegerField()

        @extend_schema_serializer(component_name="OwnAnswer")
        class OwnAnswer(serializers.Serializer[Any]):
            query = _PictureOutput()
            candidate = _PictureOutput()
            verdict = serializers.ChoiceField(choices=Answer.choices)

        answered = serializers.IntegerField()
        agreement = Agreement(allow_null=True, help_text="Null before twenty verdicts, and where others are few.")
        until_agreement = serializers.IntegerField(help_text="Verdicts missing before the agreement is told.")
        last = OwnAnswer(many=True, help_text="The last answers, newest first.")

    @extend_schema(operation_id="yours", responses=Output)
    def get(self, request: Request, slug: str) -> Response:
        study = study_by_slug(slug)
        if study.state not in (StudyState.OPEN, StudyState.CLOSED):
            raise NotFound(f"There is no study {slug}.")
        yours = yours_of(study, known_voter(request))
        agreement = yours.agreement
        return Response(
            {
                "answered": yours.answered,
                # In whole percents: finer steps would tell what others say about single pairs.
                "agreement": agreement and {"share": round(agreement.share, 2), "compared": agreement.compared},
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
