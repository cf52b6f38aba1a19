"""Making, changing, computing, opening and closing studies over HTTP: the same as the commands, for operators."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from evalapp.catalog.domain.box_styles import MOST_MARGIN
from evalapp.catalog.queries import catalogue_named
from evalapp.core.api.inputs import checked
from evalapp.core.api.jobs import JobOutput
from evalapp.core.domain.errors import Conflict
from evalapp.core.domain.job_targets import target_of
from evalapp.core.domain.values.whole_numbers import MOST_STORED
from evalapp.core.queries import job_line
from evalapp.core.services.jobs import request_job
from evalapp.core.tasks import nudge
from evalapp.studies import services
from evalapp.studies.domain.usual_shares import USUAL_GOLD_SHARE, USUAL_MARGIN, USUAL_REPEAT_SHARE
from evalapp.studies.models import BoardVisibility, Contender, SamplingMethod, Study, StudyMode
from evalapp.studies.queries import study_reads

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
    exclude = serializers.CharField(help_text="`none`, `product` or `once`.")
    gallery_domain = serializers.CharField()
    query_domain = serializers.CharField()
    gallery_labels = serializers.DictField(help_text="Only items with these labels may be found: {field: values}.")
    query_labels = serializers.DictField(help_text="Only for items with these labels neighbours are found.")
    sampling = serializers.CharField()
    sampling_strata = serializers.BooleanField()
    training_pictures = serializers.BooleanField()
    embed_hosts = serializers.ListField(help_text="Origins that may show it in a frame.")
    examples = serializers.ListField(help_text="Shown before people begin: [query key, candidate key, answer].")
    archived_at = serializers.DateTimeField(allow_null=True)
    mode = serializers.CharField(help_text="How people answer: `swipe`, `two` or `grid`.")
    random_sides = serializers.BooleanField()
    dim_boxes = serializers.BooleanField(help_text="Whether the whole picture is shown, darkened outside the box.")
    box_margin = serializers.IntegerField(help_text="Shown around a box, in per cent of its sides.")
    follows_catalogue = serializers.BooleanField(help_text="Whether the next round is drafted by itself.")
    catalogue_moved_on = serializers.BooleanField(help_text="Whether a next round would be on a newer catalogue.")
    margin = serializers.FloatField()
    gold_share = serializers.FloatField()
    repeat_share = serializers.FloatField()
    seed = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    opened_at = serializers.DateTimeField(allow_null=True)
    closed_at = serializers.DateTimeField(allow_null=True)
    contenders = ContenderOutput(many=True, source="line_up")

    class Meta:
        ref_name = "StudyDetails"


def answer_details(study: Study) -> Response:
    """What operators are answered after any change."""
    return Response(StudyDetails(study_reads.study_with_contenders(study.slug)).data)


class LabelsField(serializers.DictField):
    """`{"category": ["skirt"], "colour": ["red"]}`; what is no column is an attribute."""

    def __init__(self, **params: Any) -> None:
        child = serializers.ListField(child=serializers.CharField(max_length=200), max_length=200)
        super().__init__(child=child, default=dict, **params)


class CreateStudyInput(serializers.Serializer[Any]):
    """What `create_study` takes."""

    slug = serializers.CharField(max_length=80, help_text="Its name in addresses.")
    catalogue = serializers.CharField(max_length=80)
    contenders = serializers.ListField(
        child=serializers.CharField(max_length=180), max_length=_MOST_CONTENDERS, help_text="`MODEL.TAP:METRIC` each."
    )
    gallery = serializers.IntegerField(default=None, allow_null=True, min_value=2, max_value=MOST_STORED)
    queries = serializers.IntegerField(default=None, allow_null=True, min_value=1, max_value=MOST_STORED)
    gallery_domain = serializers.CharField(default="", allow_blank=True, max_length=80)
    query_domain = serializers.CharField(default="", allow_blank=True, max_length=80)
    top_k = serializers.IntegerField(default=10, min_value=1, max_value=1000)
    gallery_labels = LabelsField(help_text="Only items with these labels may be found: {field: values}.")
    query_labels = LabelsField(help_text="Only for items with these labels neighbours are found.")
    exclude = serializers.ChoiceField(choices=list(services.EXCLUSIONS), default="none")
    sampling = serializers.ChoiceField(choices=SamplingMethod.choices, default=SamplingMethod.ADAPTIVE)
    sampling_strata = serializers.BooleanField(
        default=False, help_text="Draw categories as often as queries have them."
    )
    control = serializers.BooleanField(default=True, help_text="Whether a random contender takes part.")
    training_pictures = serializers.BooleanField(
        default=False, help_text="Show people also what a contender was trained on; the board says so."
    )
    seed = serializers.IntegerField(default=0, min_value=0, max_value=2**63 - 1)
    title = serializers.CharField(default="", allow_blank=True, max_length=200)
    question = serializers.CharField(
        default="", allow_blank=True, max_length=200, help_text="Empty: the usual one of the mode."
    )
    board = serializers.ChoiceField(choices=BoardVisibility.choices, default=BoardVisibility.PRIVATE)
    mode = serializers.ChoiceField(choices=StudyMode.choices, default=StudyMode.SWIPE)
    random_sides = serializers.BooleanField(default=False, help_text="Whether chance says where the query stands.")
    dim_boxes = serializers.BooleanField(
        default=False, help_text="Show an item's whole picture, darkened outside its box, instead of the box alone."
    )
    box_margin = serializers.IntegerField(
        default=0, min_value=0, max_value=MOST_MARGIN, help_text="Shown around a box, in per cent of its sides."
    )
    follows_catalogue = serializers.BooleanField(
        default=False, help_text="While it is open, draft and compute the next round when the catalogue has changed."
    )
    margin = serializers.FloatField(
        default=USUAL_MARGIN,
        min_value=0,
        max_value=services.MOST_MARGIN,
        help_text="Whoever is surely at most so far below the best may be declared, too; 0: only the best.",
    )
    gold_share = serializers.FloatField(default=USUAL_GOLD_SHARE, min_value=0, max_value=services.MOST_SHARE)
    repeat_share = serializers.FloatField(default=USUAL_REPEAT_SHARE, min_value=0, max_value=services.MOST_SHARE)

    class Meta:
        ref_name = "CreateStudy"


def create_from_params(params: dict[str, Any]) -> Study:
    """A draft study from validated values."""
    return services.create_study(services.StudyPlan(**{**params, "catalogue": catalogue_named(params["catalogue"])}))


class ChangeStudyInput(serializers.Serializer[Any]):
    """What of a study may change; what is left out stays."""

    title = serializers.CharField(required=False, max_length=200)
    question = serializers.CharField(required=False, max_length=200, help_text="Only before it was first opened.")
    board = serializers.ChoiceField(choices=BoardVisibility.choices, required=False)
    follows_catalogue = serializers.BooleanField(required=False)
    embed_hosts = serializers.ListField(
        child=serializers.CharField(max_length=200), required=False, max_length=20, help_text="https://example.org …"
    )
    examples = serializers.ListField(
        child=serializers.ListField(child=serializers.CharField(max_length=500), min_length=3, max_length=3),
        required=False,
        max_length=12,
        help_text="[query key, candidate key, `dope` or `nope`] each.",
    )
    archived = serializers.BooleanField(required=False, help_text="Whether it is out of the lists.")

    class Meta:
        ref_name = "ChangeStudy"


def change_from_params(study: Study, params: dict[str, Any]) -> None:
    """What was said is changed, the rest stays. Raises Problem."""
    if (origins := params.pop("embed_hosts", None)) is not None:
        services.set_embed_hosts(study, origins)
    if (examples := params.pop("examples", None)) is not None:
        services.set_examples(study, examples)
    if (archived := params.pop("archived", None)) is not None:
        services.archive_study(study, archived=archived)
    services.change_study(study, **params)


class CopyStudyApi(APIView):
    """`POST studies/{slug}/copy/`: a new draft that asks the same of the same contenders."""

    class Input(serializers.Serializer[Any]):
        slug = serializers.CharField(max_length=80, help_text="Of the copy.")
        title = serializers.CharField(default="", allow_blank=True, max_length=200)

        class Meta:
            ref_name = "CopyStudy"

    @extend_schema(operation_id="study_copy", request=Input, responses={201: StudyDetails})
    def post(self, request: Request, slug: str) -> Response:
        answer = answer_details(
            services.copy_study(study_reads.study_by_slug(slug), **checked(self.Input(data=request.data)))
        )
        answer.status_code = status.HTTP_201_CREATED
        return answer


class PrecomputeApi(APIView):
    """`POST studies/{slug}/precompute/`: have workers make what is missing; answers with the job."""

    @extend_schema(operation_id="study_precompute", request=None, responses={202: JobOutput})
    def post(self, request: Request, slug: str) -> Response:
        job = request_job("precompute", target_of("study", study_reads.study_by_slug(slug).pk))
        nudge(job)
        return Response(JobOutput(job_line(job.pk)).data, status=status.HTTP_202_ACCEPTED)


class OpenStudyApi(APIView):
    """`POST studies/{slug}/open/`: let people vote; the round before is closed unless it shall stay open."""

    class Input(serializers.Serializer[Any]):
        keep_before = serializers.BooleanField(default=False, help_text="Leave the round before open as well.")

        class Meta:
            ref_name = "OpenStudy"

    @extend_schema(operation_id="study_open", request=Input, responses=StudyDetails)
    def post(self, request: Request, slug: str) -> Response:
        study = study_reads.study_by_slug(slug)
        services.open_study(study, keep_before=checked(self.Input(data=request.data))["keep_before"])
        return answer_details(study)


class CloseStudyApi(APIView):
    """`POST studies/{slug}/close/`: end the voting; what was cast stays."""

    @extend_schema(operation_id="study_close", request=None, responses=StudyDetails)
    def post(self, request: Request, slug: str) -> Response:
        study = study_reads.study_by_slug(slug)
        services.close_study(study)
        return answer_details(study)


class StudyDetailsApi(APIView):
    """`GET studies/{slug}/details/`: all that operators may know of a study and its contenders."""

    @extend_schema(operation_id="study_details", responses=StudyDetails)
    def get(self, request: Request, slug: str) -> Response:
        return answer_details(study_reads.study_by_slug(slug))


class ScoresApi(APIView):
    """`GET studies/{slug}/scores/`: the automatic scores as last computed, in the form of `evaluate --json`."""

    @extend_schema(operation_id="study_scores", responses=dict)
    def get(self, request: Request, slug: str) -> Response:
        study = study_reads.study_by_slug(slug)
        scores = study_reads.stored_evaluation(study)
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
        serializer = self.Input(data=request.data)
        serializer.is_valid(raise_exception=True)
        contender = study_reads.contender_named(study_reads.study_by_slug(slug), serializer.validated_data["contender"])
        change = services.archive_contender if serializer.validated_data["archived"] else services.return_contender
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
        serializer = self.Input(data=request.data)
        serializer.is_valid(raise_exception=True)
        study = services.start_round(study_reads.study_by_slug(slug), **serializer.validated_data)
        answer = answer_details(study)
        answer.status_code = status.HTTP_201_CREATED
        return answer
