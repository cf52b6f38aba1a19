"""Votes and answers that were gathered elsewhere, brought in over HTTP, for operators."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from evalapp.core.api.inputs import checked
from evalapp.core.domain.csv_sheets import Sheet
from evalapp.core.domain.csv_uploads import uploaded_sheet
from evalapp.studies.queries.study_reads import study_by_slug
from evalapp.studies.services.import_results import import_answers
from evalapp.voting.services.vote_import import COLUMNS, import_votes


class ProblemOutput(serializers.Serializer[Any]):
    """A row that was left out."""

    line = serializers.IntegerField(help_text="Where it stands in the file, from 1.")
    message = serializers.CharField()

    class Meta:
        ref_name = "ImportProblem"


class ImportVotesApi(APIView):
    """`POST studies/{slug}/import/votes/`: a CSV with query, candidate, verdict, voter; safe to send again."""

    parser_classes = [MultiPartParser]

    class Input(serializers.Serializer[Any]):
        file = serializers.FileField(help_text="UTF-8, of at most 2 MB; the first row names the columns.")

        class Meta:
            ref_name = "ImportVotes"

    class Output(serializers.Serializer[Any]):
        recorded = serializers.IntegerField()
        already_recorded = serializers.IntegerField()
        left_out = serializers.IntegerField()
        problems = ProblemOutput(many=True, help_text="The first thousand rows that were left out, and why.")

        class Meta:
            ref_name = "ImportedVotes"

    @extend_schema(operation_id="import_votes", request={"multipart/form-data": Input}, responses=Output)
    def post(self, request: Request, slug: str) -> Response:
        study = study_by_slug(slug)
        with uploaded_sheet(checked(self.Input(data=request.data))["file"]) as path:
            result = import_votes(study, Sheet(path, COLUMNS))
        return Response(self.Output(result).data)


class ImportAnswersApi(APIView):
    """`POST studies/{slug}/import/answers/`: a contender whose answers are a CSV with query, candidate, rank."""

    parser_classes = [MultiPartParser]

    class Input(serializers.Serializer[Any]):
        file = serializers.FileField(help_text="UTF-8, of at most 2 MB; the first row names the columns.")
        name = serializers.CharField(max_length=180, help_text="What the contender is called on the board.")

        class Meta:
            ref_name = "ImportAnswers"

    class Output(serializers.Serializer[Any]):
        contender = serializers.CharField()
        answers = serializers.IntegerField()
        queries = serializers.IntegerField()
        left_out = serializers.IntegerField()
        problems = ProblemOutput(many=True, help_text="The first thousand rows that were left out, and why.")

        class Meta:
            ref_name = "ImportedAnswers"

    @extend_schema(operation_id="import_answers", request={"multipart/form-data": Input}, responses=Output)
    def post(self, request: Request, slug: str) -> Response:
        study = study_by_slug(slug)
        params = checked(self.Input(data=request.data))
        with uploaded_sheet(params["file"]) as path:
            brought = import_answers(study, path, params["name"])
        return Response(self.Output(brought).data)
