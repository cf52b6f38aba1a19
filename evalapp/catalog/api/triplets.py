"""The queue of triplets over HTTP, for operators."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from evalapp.catalog.queries import catalogue_named
from evalapp.catalog.services import triplets
from evalapp.core.api.inputs import checked
from evalapp.core.domain.values.whole_numbers import MOST_STORED


class TripletQueueApi(APIView):
    """`catalogues/{slug}/triplets/`: `GET` the next that waits for you, `POST` propose more from labels, `PATCH` decide
    one in your name."""

    class ProposeInput(serializers.Serializer[Any]):
        number = serializers.IntegerField(default=200, min_value=1, max_value=10_000)
        seed = serializers.IntegerField(default=0, min_value=0, max_value=2**31)

        class Meta:
            ref_name = "ProposeFromLabels"

    class DecideInput(serializers.Serializer[Any]):
        triplet = serializers.IntegerField(min_value=1, max_value=MOST_STORED)
        state = serializers.CharField(max_length=10, help_text="`accepted`, `rejected`, or `proposed` to take it back.")

        class Meta:
            ref_name = "DecideTriplet"

    class Output(serializers.Serializer[Any]):
        new = serializers.IntegerField(default=0, help_text="Triplets that were proposed now.")
        counts = serializers.DictField(child=serializers.IntegerField())
        next = serializers.DictField(allow_null=True, help_text="id, anchor, positive and negative, by their keys.")

        class Meta:
            ref_name = "TripletQueue"

    @extend_schema(operation_id="triplets", responses=Output)
    def get(self, request: Request, slug: str) -> Response:
        return self._queue_response(request, 0, slug)

    @extend_schema(operation_id="triplets_from_labels", request=ProposeInput, responses=Output)
    def post(self, request: Request, slug: str) -> Response:
        params = checked(self.ProposeInput(data=request.data))
        new = triplets.propose_from_labels(catalogue_named(slug), params["number"], seed=params["seed"])
        return self._queue_response(request, new, slug)

    @extend_schema(operation_id="triplet_decide", request=DecideInput, responses=Output)
    def patch(self, request: Request, slug: str) -> Response:
        params = checked(self.DecideInput(data=request.data))
        by = request.user.get_username()
        triplets.decide_triplet(catalogue_named(slug), params["triplet"], params["state"], by=by)
        return self._queue_response(request, 0, slug)

    def _queue_response(self, request: Request, new: int, slug: str) -> Response:
        catalogue = catalogue_named(slug)
        waiting = triplets.next_triplet(catalogue, request.user.get_username())
        next_keys = {"id": waiting.pk} | {role: item.key for role, item in waiting.pictures} if waiting else None
        return Response({"new": new, "counts": triplets.triplet_counts(catalogue), "next": next_keys})


class TripletDecisionsApi(APIView):
    """`GET catalogues/{slug}/triplets/decisions/`: what was decided, by whom and when, `?after=ID&limit=N`."""

    class Input(serializers.Serializer[Any]):
        after = serializers.IntegerField(default=0, min_value=0, max_value=MOST_STORED)
        limit = serializers.IntegerField(default=1000, min_value=1, max_value=10_000)

    class Output(serializers.Serializer[Any]):
        class Decision(serializers.Serializer[Any]):
            id = serializers.IntegerField(source="pk")
            anchor = serializers.CharField(source="anchor.key")
            positive = serializers.CharField(source="positive.key")
            negative = serializers.CharField(source="negative.key")
            proposed_from = serializers.CharField(
                source="source", help_text="`labels`, or the study whose votes said so."
            )
            state = serializers.CharField()
            decided_by = serializers.CharField()
            decided_at = serializers.DateTimeField()

            class Meta:
                ref_name = "TripletDecision"

        reviewers = serializers.DictField(child=serializers.IntegerField(), help_text="Decisions by operator.")
        decisions = Decision(many=True)

        class Meta:
            ref_name = "TripletDecisions"

    @extend_schema(operation_id="triplet_decisions", parameters=[Input], responses=Output)
    def get(self, request: Request, slug: str) -> Response:
        params = checked(self.Input(data=request.query_params))
        catalogue = catalogue_named(slug)
        rows = triplets.decided_after(catalogue, params["after"], params["limit"])
        decision_rows = self.Output.Decision(rows, many=True).data
        return Response({"reviewers": triplets.reviewer_counts(catalogue), "decisions": decision_rows})
