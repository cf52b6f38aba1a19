"""Open studies, for anyone; at the same addresses operators make and change them."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.permissions import AllowAny, BasePermission, IsAdminUser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from evalapp.core.domain.errors import NotFound
from evalapp.studies import services
from evalapp.studies.api import operators
from evalapp.studies.models import Study
from evalapp.studies.queries import study_reads


class StudyOutput(serializers.Serializer[Any]):
    """What a visitor may know of a study: nothing of its contenders."""

    slug = serializers.CharField()
    title = serializers.CharField()
    question = serializers.CharField()
    state = serializers.CharField()
    pairs = serializers.IntegerField(source="pair_count", help_text="Pairs that can be shown.")
    votes = serializers.SerializerMethodField(
        help_text="Verdicts that count, of everybody; while people vote, as last published and rounded."
    )

    def get_votes(self, study: Study) -> int:
        return study_reads.votes_told(study)

    class Meta:
        ref_name = "Study"


class _OpenToRead(APIView):
    """Anyone may read, operators may write."""

    def get_permissions(self) -> list[BasePermission]:
        return [AllowAny() if self.request.method in {"GET", "HEAD", "OPTIONS"} else IsAdminUser()]


class StudiesApi(_OpenToRead):
    """`GET studies/`: what people may vote on now. `POST studies/`: a draft, for operators."""

    @extend_schema(operation_id="studies", responses=StudyOutput(many=True))
    def get(self, request: Request) -> Response:
        return Response(StudyOutput(study_reads.open_studies(), many=True).data)

    @extend_schema(
        operation_id="study_create", request=operators.CreateStudyInput, responses={201: operators.StudyDetails}
    )
    def post(self, request: Request) -> Response:
        serializer = operators.CreateStudyInput(data=request.data)
        serializer.is_valid(raise_exception=True)
        answer = operators.answer_details(operators.create_from_params(serializer.validated_data))
        answer.status_code = status.HTTP_201_CREATED
        return answer


class StudyApi(_OpenToRead):
    """`GET studies/{slug}/`: the question and how far it is; drafts are the operator's. `PATCH`: other words for it."""

    @extend_schema(operation_id="study", responses=StudyOutput)
    def get(self, request: Request, slug: str) -> Response:
        study = study_reads.studies_with_progress().filter(slug=slug).first()
        if study is None or (study.opened_at is None and not request.user.is_staff):
            raise NotFound(f"There is no study {slug}.")
        return Response(StudyOutput(study).data)

    @extend_schema(operation_id="study_change", request=operators.ChangeStudyInput, responses=operators.StudyDetails)
    def patch(self, request: Request, slug: str) -> Response:
        study = study_reads.study_by_slug(slug)
        serializer = operators.ChangeStudyInput(data=request.data)
        serializer.is_valid(raise_exception=True)
        operators.change_from_params(study, serializer.validated_data)
        return operators.answer_details(study)

    @extend_schema(operation_id="study_delete", request=None, responses={204: None})
    def delete(self, request: Request, slug: str) -> Response:
        services.delete_study(study_reads.study_by_slug(slug))
        return Response(status=status.HTTP_204_NO_CONTENT)
