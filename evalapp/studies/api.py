"""Open studies, for anyone."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from evalapp.core.errors import NotFound
from evalapp.studies import queries
from evalapp.studies.models import Study


class StudyOutput(serializers.Serializer[Any]):
    """What a visitor may know of a study: nothing of its contenders."""

    slug = serializers.CharField()
    title = serializers.CharField()
    question = serializers.CharField()
    state = serializers.CharField()
    pairs = serializers.IntegerField(source="pair_count", help_text="Pairs that can be shown.")
    votes = serializers.SerializerMethodField(help_text="Verdicts that count, of everybody.")

    def get_votes(self, study: Study) -> int:
        return int(getattr(study, "dopes", 0) + getattr(study, "nopes", 0))

    class Meta:
        ref_name = "Study"


class StudiesApi(APIView):
    """`GET studies/`: what people may vote on now."""

    permission_classes = [AllowAny]

    @extend_schema(operation_id="studies", responses=StudyOutput(many=True))
    def get(self, request: Request) -> Response:
        return Response(StudyOutput(queries.open_studies(), many=True).data)


class StudyApi(APIView):
    """`GET studies/{slug}/`: the question and how far it is. Drafts are the operator's."""

    permission_classes = [AllowAny]

    @extend_schema(operation_id="study", responses=StudyOutput)
    def get(self, request: Request, slug: str) -> Response:
        study = queries.studies_with_progress().filter(slug=slug).first()
        if study is None or (study.opened_at is None and not request.user.is_staff):
            raise NotFound(f"There is no study {slug}.")
        return Response(StudyOutput(study).data)
