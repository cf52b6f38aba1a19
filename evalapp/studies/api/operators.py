"""Making, changing, computing, opening and closing studies over HTTP: the same as the commands, for operators."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from evalapp.catalog.queries import catalogue_named
from evalapp.core.api.jobs import JobOutput
from evalapp.core.errors import Conflict
from evalapp.core.queries import job_line
from evalapp.core.services import request_job
from evalapp.core.tasks import nudge
from evalapp.studies import queries, services
from evalapp.studies.models import BoardVisibility, Contender, Study, StudyMode

_MOST_CONTENDERS = 200


class ContenderOutput(serializers.Serializer[Any]):
    """One that takes part. It is never deleted: out of the race, it is archived."""

    name = serializers.CharField()
    model = serializers.CharField(source="embedding.model.name", default=None, allow_null=True)
    tap = serializers.CharField(source="embedding.tap", default=None, allow_null=True)
    metric = serializers.CharField()
    control = serializers.BooleanField(source="is_control")
    created_at = serializers.DateTimeField()
    archived_at = serializers.DateTimeField(allow_null=True)

    class Meta:
        ref_name = "Contender"


class StudyDetails(serializers.Serializer[Any]):
    """A study as operators see it."""

    slug = serializers.CharField()
    title = serializers.CharField()
    question = serializers.CharField()
    state = serializers.CharField()
    board = serializers.CharField(help_text="Who may see the standings: `private`, `unlisted` or `public`.")
    catalogue = serializers.CharField(source="catalogue.slug")
    catalogue_version = serializers.IntegerField()
    round = serializers.IntegerField()
    previous = serializers.CharField(source="previous.slug", default=None, help_text="The round before.")
    queries = serializers.IntegerField(source="queries.count")
    top_k = serializers.IntegerField()
    exclude = serializers.CharField()
    mode = serializers.CharField(help_text="How people answer: `swipe`, `two` or `grid`.")
    random_sides = serializers.BooleanField()
    follows_catalogue = serializers.BooleanField(help_text="Whether the next round is drafted by itself.")
    catalogue_moved_on = serializers.BooleanField(help_text="Whether a next round would be on a newer catalogue.")
    gold_share = serializers.FloatField()
    repeat_share = serializers.FloatField()
    seed = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    opened_at = serializers.DateTimeField(allow_null=True)
    closed_at = serializers.DateTimeField(allow_null=True)
    contenders = ContenderOutput(many=True, source="line_up")

    class Meta:
        ref_name = "StudyDetails"


def details(study: Study) -> Response:
    """What operators are answered after any change."""
    return Response(StudyDetails(queries.study_with_contenders(study.slug)).data)


class CreateStudyInput(serializers.Serializer[Any]):
    """The words of `create_study`."""

    slug = serializers.CharField(max_length=80, help_text="Its name in addresses.")
    catalogue = serializers.CharField(max_length=80)
    contenders = serializers.ListField(
        child=serializers.CharField(max_length=180), max_length=_MOST_CONTENDERS, help_text="`MODEL.TAP:METRIC` each."
    )
    gallery = serializers.IntegerField(default=None, allow_null=True, min_value=2)
    queries = serializers.IntegerField(default=None, allow_null=True, min_value=1)
    gallery_domain = serializers.CharField(default="", allow_blank=True, max_length=80)
    query_domain = serializers.CharField(default="", allow_blank=True, max_length=80)
    top_k = serializers.IntegerField(default=10, min_value=1, max_value=1000)
    exclude = serializers.ChoiceField(choices=["none", "product"], default="none")
    control = serializers.BooleanField(default=True, help_text="Whether a random contender takes part.")
    training_pictures = serializers.BooleanField(
        default=False, help_text="Show people also what a contender was trained on; the board says so."
    )
    seed = serializers.IntegerField(default=0, min_value=0, max_value=2**63 - 1)
    title = serializers.CharField(default="", allow_blank=True, max_length=200)
    question = serializers.CharField(default="Do these two match?", max_length=200)
    board = serializers.ChoiceField(choices=BoardVisibility.choices, default=BoardVisibility.PRIVATE)
    mode = serializers.ChoiceField(choices=StudyMode.choices, default=StudyMode.SWIPE)
    random_sides = serializers.BooleanField(default=False, help_text="Whether chance says where the query stands.")
    follows_catalogue = serializers.BooleanField(
        default=False, help_text="While it is open, draft and compute the next round when the catalogue has changed."
    )
    gold_share = serializers.FloatField(default=0.05, min_value=0, max_value=services.MOST_SHARE)
    repeat_share = serializers.FloatField(default=0.02, min_value=0, max_value=services.MOST_SHARE)

    class Meta:
        ref_name = "CreateStudy"


def create(words: dict[str, Any]) -> Study:
    """A draft study from checked words."""
    return services.create_study(services.StudyPlan(**{**words, "catalogue": catalogue_named(words["catalogue"])}))


class ChangeStudyInput(serializers.Serializer[Any]):
    """What of a study may change; what is left out stays."""

    title = serializers.CharField(required=False, max_length=200)
    question = serializers.CharField(required=False, max_length=200, help_text="Only before it was first opened.")
    board = serializers.ChoiceField(choices=BoardVisibility.choices, required=False)
    follows_catalogue = serializers.BooleanField(required=False)

    class Meta:
        ref_name = "ChangeStudy"


class PrecomputeApi(APIView):
    """`POST studies/{slug}/precompute/`: have workers make what is missing; answers with the job."""

    @extend_schema(operation_id="study_precompute", request=None, responses={202: JobOutput})
    def post(self, request: Request, slug: str) -> Response:
        job = request_job("precompute", f"study:{queries.study_by_slug(slug).pk}")
        nudge(job)
        return Response(JobOutput(job_line(job.pk)).data, status=status.HTTP_202_ACCEPTED)


class OpenStudyApi(APIView):
    """`POST studies/{slug}/open/`: let people vote."""

    @extend_schema(operation_id="study_open", request=None, responses=StudyDetails)
    def post(self, request: Request, slug: str) -> Response:
        study = queries.study_by_slug(slug)
        services.open_study(study)
        return details(study)


class CloseStudyApi(APIView):
    """`POST studies/{slug}/close/`: end the voting; what was cast stays."""

    @extend_schema(operation_id="study_close", request=None, responses=StudyDetails)
    def post(self, request: Request, slug: str) -> Response:
        study = queries.study_by_slug(slug)
        services.close_study(study)
        return details(study)


class StudyDetailsApi(APIView):
    """`GET studies/{slug}/details/`: all that operators may know of a study and its contenders."""

    @extend_schema(operation_id="study_details", responses=StudyDetails)
    def get(self, request: Request, slug: str) -> Response:
        return details(queries.study_by_slug(slug))


class ScoresApi(APIView):
    """`GET studies/{slug}/scores/`: the automatic scores as last computed, in the form of `evaluate --json`."""

    @extend_schema(operation_id="study_scores", responses=dict)
    def get(self, request: Request, slug: str) -> Response:
        study = queries.study_by_slug(slug)
        scores = queries.stored_evaluation(study)
        if scores is None:
            raise Conflict(f"{study} has no automatic scores yet; run: python manage.py evaluate {study}")
        return Response(scores)


class ArchiveContenderApi(APIView):
    """`POST studies/{slug}/contenders/archive/`: out of the race, or back into it; its votes stay."""

    class Input(serializers.Serializer[Any]):
        contender = serializers.CharField(max_length=180)
        archived = serializers.BooleanField(default=True)

        class Meta:
            ref_name = "ArchiveContender"

    @extend_schema(operation_id="contender_archive", request=Input, responses=ContenderOutput)
    def post(self, request: Request, slug: str) -> Response:
        words = self.Input(data=request.data)
        words.is_valid(raise_exception=True)
        contender = queries.contender_named(queries.study_by_slug(slug), words.validated_data["contender"])
        change = services.archive_contender if words.validated_data["archived"] else services.return_contender
        change(contender)
        return Response(ContenderOutput(Contender.objects.select_related("embedding__model").get(pk=contender.pk)).data)


class RoundsApi(APIView):
    """`POST studies/{slug}/rounds/`: the next round, a draft on the catalogue as it is now."""

    class Input(serializers.Serializer[Any]):
        slug = serializers.CharField(required=False, max_length=80, help_text="SLUG-r2, SLUG-r3 … if not given.")
        add = serializers.ListField(child=serializers.CharField(max_length=180), default=list, max_length=50)
        drop = serializers.ListField(child=serializers.CharField(max_length=180), default=list, max_length=50)
        queries = serializers.ChoiceField(choices=["kept", "fresh"], default="kept")
        seed = serializers.IntegerField(required=False, min_value=0, max_value=2**63 - 1)

        class Meta:
            ref_name = "StartRound"

    @extend_schema(operation_id="round_start", request=Input, responses={201: StudyDetails})
    def post(self, request: Request, slug: str) -> Response:
        words = self.Input(data=request.data)
        words.is_valid(raise_exception=True)
        study = services.start_round(queries.study_by_slug(slug), **words.validated_data)
        answer = details(study)
        answer.status_code = status.HTTP_201_CREATED
        return answer
