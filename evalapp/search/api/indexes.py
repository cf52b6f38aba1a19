"""Indexes over HTTP, for operators."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from evalapp.catalog.models import LONGEST
from evalapp.core.api.inputs import checked
from evalapp.core.tasks import begin
from evalapp.search.queries.live_tests import described_test, live_tests_of
from evalapp.search.queries.search_indexes import described_index, generations_of, index_named, search_indexes
from evalapp.search.services import search_indexes as services
from evalapp.search.services.live_tests import close_live_test, open_live_test
from models_registry.metrics import METRICS


class IdentificationOutput(serializers.Serializer[Any]):
    """What guesses of a label are worth, as measured when the generation was built."""

    questions = serializers.IntegerField()
    right = serializers.FloatField(help_text="The share that was guessed right, of what the gallery has.")
    error = serializers.FloatField(help_text="Expected calibration error, on products that the fit had not seen.")

    class Meta:
        ref_name = "Identification"


class IndexOutput(serializers.Serializer[Any]):
    """An index and how it is doing."""

    index = serializers.CharField()
    catalogue = serializers.CharField()
    encoder = serializers.CharField()
    metrics = serializers.ListField(child=serializers.CharField(), help_text="The first is the usual one.")
    engine = serializers.CharField()
    gallery = serializers.DictField(child=serializers.CharField())
    locator = serializers.CharField(allow_null=True, help_text="Null: the encoder's own last map suggests boxes.")
    masker = serializers.CharField(allow_null=True, help_text="What blanks backgrounds before vectors are made.")
    public = serializers.BooleanField()
    generation = serializers.IntegerField(allow_null=True, help_text="What serves; null before the first build.")
    serving_engine = serializers.CharField(allow_null=True)
    rows = serializers.IntegerField()
    recall = serializers.FloatField(allow_null=True)
    identification = serializers.DictField(child=IdentificationOutput(), help_text="By product and category.")
    replicas = serializers.IntegerField(help_text="Search processes that have it open.")
    lag = serializers.IntegerField(allow_null=True, help_text="Changes of the catalogue that are not applied yet.")
    waiting = serializers.IntegerField(help_text="Items that have no vector yet.")

    class Meta:
        ref_name = "SearchIndex"


class GenerationOutput(serializers.Serializer[Any]):
    """One build."""

    number = serializers.IntegerField()
    state = serializers.CharField()
    engine = serializers.CharField()
    rows = serializers.IntegerField()
    recall = serializers.FloatField(allow_null=True)
    queries_per_cpu_second = serializers.FloatField(allow_null=True)
    disk_bytes = serializers.IntegerField()
    memory_bytes = serializers.IntegerField()
    built_change = serializers.IntegerField()
    error = serializers.CharField()
    created_at = serializers.DateTimeField()
    ready_at = serializers.DateTimeField(allow_null=True)

    class Meta:
        ref_name = "Generation"


class IndexesApi(APIView):
    """`indexes/`: list them, make one."""

    class Input(serializers.Serializer[Any]):
        index = serializers.CharField(max_length=80)
        catalogue = serializers.CharField(max_length=80)
        encoder = serializers.CharField(max_length=200, help_text="MODEL.TAP, the tap left out where there is one.")
        metrics = serializers.ListField(child=serializers.ChoiceField(choices=METRICS), default=["cosine"])
        engine = serializers.ChoiceField(choices=services.ENGINES, default="auto")
        recall = serializers.FloatField(default=0.98, min_value=0, max_value=1)
        domain = serializers.CharField(default="", allow_blank=True, max_length=LONGEST["domain"])
        split = serializers.CharField(default="", allow_blank=True, max_length=LONGEST["split"])
        public = serializers.BooleanField(default=False)
        locator = serializers.CharField(default="", allow_blank=True, max_length=80)
        masker = serializers.CharField(default="", allow_blank=True, max_length=80)

        class Meta:
            ref_name = "SearchIndexPlan"

    @extend_schema(operation_id="indexes", responses=IndexOutput(many=True))
    def get(self, request: Request) -> Response:
        return Response([described_index(index) for index in search_indexes()])

    @extend_schema(operation_id="index_create", request=Input, responses={201: IndexOutput})
    def post(self, request: Request) -> Response:
        params = checked(self.Input(data=request.data))
        plan = services.IndexPlan(
            slug=params["index"],
            catalogue=params["catalogue"],
            encoder=params["encoder"],
            metrics=params["metrics"],
            engine=params["engine"],
            recall=params["recall"],
            gallery_domain=params["domain"],
            gallery_split=params["split"],
            is_public=params["public"],
            locator=params["locator"],
            masker=params["masker"],
        )
        index = services.create_index(plan)
        return Response(described_index(search_indexes().get(pk=index.pk)), status=status.HTTP_201_CREATED)


class IndexApi(APIView):
    """`indexes/{slug}/`: one with its generations; let visitors in or out, choose who suggests boxes; delete it."""

    class Output(IndexOutput):
        generations = GenerationOutput(many=True)

        class Meta:
            ref_name = "SearchIndexWithGenerations"

    class Input(serializers.Serializer[Any]):
        public = serializers.BooleanField(required=False)
        locator = serializers.CharField(
            required=False, allow_blank=True, max_length=80, help_text="Empty: the encoder's own last map."
        )

        class Meta:
            ref_name = "SearchIndexChange"

    @extend_schema(operation_id="index", responses=Output)
    def get(self, request: Request, slug: str) -> Response:
        return Response(_with_generations(slug))

    @extend_schema(operation_id="index_change", request=Input, responses=Output)
    def patch(self, request: Request, slug: str) -> Response:
        params = checked(self.Input(data=request.data))
        index = index_named(slug)
        if "locator" in params:
            services.choose_locator(index, params["locator"])
        if "public" in params:
            services.publish_index(index, is_public=params["public"])
        return Response(_with_generations(slug))

    @extend_schema(operation_id="index_delete", responses={204: None})
    def delete(self, request: Request, slug: str) -> Response:
        services.delete_index(index_named(slug))
        return Response(status=status.HTTP_204_NO_CONTENT)


class IndexBuildApi(APIView):
    """`POST indexes/{slug}/build/`: build the next generation; it serves once it is verified."""

    class Output(serializers.Serializer[Any]):
        job = serializers.IntegerField()

        class Meta:
            ref_name = "IndexBuild"

    @extend_schema(operation_id="index_build", request=None, responses={202: Output})
    def post(self, request: Request, slug: str) -> Response:
        job = services.request_build(index_named(slug))
        begin(job)
        return Response({"job": job.pk}, status=status.HTTP_202_ACCEPTED)


class IndexRollbackApi(APIView):
    """`POST indexes/{slug}/go-back/`: let an earlier generation serve again."""

    class Input(serializers.Serializer[Any]):
        generation = serializers.IntegerField(required=False, min_value=1, help_text="The one before, if left out.")

        class Meta:
            ref_name = "IndexGoBack"

    @extend_schema(operation_id="index_go_back", request=Input, responses=IndexApi.Output)
    def post(self, request: Request, slug: str) -> Response:
        params = checked(self.Input(data=request.data))
        services.go_back(index_named(slug), params.get("generation"))
        return Response(_with_generations(slug))


def _with_generations(slug: str) -> dict[str, Any]:
    index = search_indexes().get(pk=index_named(slug).pk)
    return {**described_index(index), "generations": GenerationOutput(generations_of(index), many=True).data}


class LiveTestApi(APIView):
    """`indexes/{slug}/live-test/`: how its live tests stand; mix its answers with another index's; end that."""

    class Input(serializers.Serializer[Any]):
        against = serializers.CharField(max_length=80, help_text="Another index of the same catalogue.")

        class Meta:
            ref_name = "LiveTestPlan"

    class Output(serializers.Serializer[Any]):
        live_test = serializers.CharField()
        first = serializers.CharField()
        second = serializers.CharField()
        open = serializers.BooleanField()
        verdicts = serializers.IntegerField()
        voters = serializers.IntegerField()
        difference = serializers.FloatField(allow_null=True, help_text="Credit per verdict, first − second; −1 … 1.")
        low = serializers.FloatField(allow_null=True)
        high = serializers.FloatField(allow_null=True)
        winner = serializers.CharField(allow_null=True, help_text="Null while the bounds hold 0.")

        class Meta:
            ref_name = "LiveTest"

    @extend_schema(operation_id="live_tests", responses=Output(many=True))
    def get(self, request: Request, slug: str) -> Response:
        return Response([described_test(test) for test in live_tests_of(index_named(slug))])

    @extend_schema(operation_id="live_test_open", request=Input, responses={201: Output})
    def post(self, request: Request, slug: str) -> Response:
        params = checked(self.Input(data=request.data))
        test = open_live_test(index_named(slug), index_named(params["against"]))
        return Response(described_test(test), status=status.HTTP_201_CREATED)

    @extend_schema(operation_id="live_test_close", responses=Output)
    def delete(self, request: Request, slug: str) -> Response:
        return Response(described_test(close_live_test(index_named(slug))))
