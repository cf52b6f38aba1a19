"""`POST search/{index}/feedback/`: dope or nope on answers, safe to send again."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.parsers import JSONParser
from rest_framework.request import Request
from rest_framework.response import Response

from evalapp.catalog.models import LONGEST
from evalapp.core.api.inputs import checked
from evalapp.search.api.search_access import SearchApi
from evalapp.search.domain.question_token import read_question
from evalapp.search.services.feedback import UNDO, UNKNOWN, Receipt, Said, take_feedback
from evalapp.voting.domain.verdicts import VERDICTS
from evalapp.voting.queries.voter_identity import remember_voter, voter_for_request

_MOST = 200
_LONGEST_QUESTION = 40_000


class FeedbackApi(SearchApi):
    """What people think of answers. Known by the same cookie as on the play page."""

    parser_classes = [JSONParser]

    class Input(serializers.Serializer[Any]):
        class Answer(serializers.Serializer[Any]):
            item = serializers.CharField(max_length=LONGEST["key"], help_text="The key of the answer.")
            verdict = serializers.ChoiceField(choices=[*VERDICTS, UNDO])

            class Meta:
                ref_name = "SearchVerdict"

        question = serializers.CharField(max_length=_LONGEST_QUESTION, help_text="As it came with the answers.")
        answers = serializers.ListField(child=Answer(), min_length=1, max_length=_MOST)

        class Meta:
            ref_name = "SearchFeedback"

    class Output(serializers.Serializer[Any]):
        class Result(serializers.Serializer[Any]):
            item = serializers.CharField()
            status = serializers.ChoiceField(choices=["recorded", "already_recorded", "taken_back", "unknown"])
            verdict = serializers.CharField(allow_null=True, help_text="The one that stands.")

            class Meta:
                ref_name = "SearchReceipt"

        results = Result(many=True)

        class Meta:
            ref_name = "SearchFeedbackTaken"

    @extend_schema(operation_id="search_feedback", request=Input, responses=Output)
    def post(self, request: Request, slug: str) -> Response:
        index = self.index_to_search(request, slug)
        params = checked(self.Input(data=request.data))
        answers, voter = params["answers"], voter_for_request(request)
        question = read_question(params["question"])
        if question is None or question.index != index.pk:
            receipts = [Receipt(UNKNOWN) for _ in answers]
        else:
            rows = index.catalogue.items.filter(key__in=[answer["item"] for answer in answers]).order_by(
                "removed", "-pk"
            )
            keys: dict[str, int] = {}
            for key, pk in rows.values_list("key", "pk"):
                # Of the rows that a key had, the one that is there now.
                keys.setdefault(key, pk)
            receipts = take_feedback(
                voter, question, [Said(keys.get(answer["item"]), answer["verdict"]) for answer in answers]
            )
        results = [
            {"item": answer["item"], "status": receipt.status, "verdict": receipt.verdict}
            for answer, receipt in zip(answers, receipts, strict=True)
        ]
        response = Response({"results": results})
        remember_voter(request, response, voter)
        return response
