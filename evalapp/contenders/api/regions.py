"""Locators and maskers over HTTP, for operators."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from evalapp.catalog.queries import catalogue_named
from evalapp.contenders.api.models import RegistrationOutput
from evalapp.contenders.models import RegionNetwork
from evalapp.contenders.queries.region_networks import region_networks
from evalapp.contenders.services.region_registration import request_region
from evalapp.core.api.inputs import checked
from evalapp.core.tasks import begin
from models_registry.regions import region_options


class RegionsApi(APIView):
    """`GET regions/`: locators and maskers that are registered. `POST`: another one as a file; answers with the
    registration."""

    parser_classes = [MultiPartParser]

    class Input(serializers.Serializer[Any]):
        kind = serializers.ChoiceField(choices=RegionNetwork.Kind.choices)
        name = serializers.CharField(max_length=80)
        file = serializers.FileField(help_text="One ONNX file that keeps everything inside.")
        catalogue = serializers.CharField(default="", allow_blank=True, help_text="Try it on pictures of this one.")
        size = serializers.CharField(required=False, max_length=10, help_text="Where the file leaves it open.")
        resize = serializers.CharField(required=False, max_length=20)
        interpolation = serializers.CharField(required=False, max_length=20)
        mean = serializers.CharField(required=False, max_length=60)
        std = serializers.CharField(required=False, max_length=60)
        channels = serializers.CharField(required=False, max_length=3)
        outputs = serializers.CharField(required=False, max_length=200)
        least_score = serializers.CharField(required=False, max_length=20)
        boxes = serializers.CharField(required=False, max_length=10, help_text="Of a locator: shares or pixels.")
        corners = serializers.CharField(required=False, max_length=10, help_text="Of a locator: xyxy, yxyx …")

        class Meta:
            ref_name = "RegionInput"

    class PageInput(serializers.Serializer[Any]):
        kind = serializers.ChoiceField(choices=RegionNetwork.Kind.choices, required=False)

    class Output(serializers.Serializer[Any]):
        kind = serializers.ChoiceField(choices=RegionNetwork.Kind.choices)
        name = serializers.CharField()
        spec = serializers.CharField(source="source", help_text="What it was registered from.")
        size = serializers.ListField(child=serializers.IntegerField(), help_text="Height and width of what it reads.")
        outputs = serializers.ListField(child=serializers.CharField())
        layout = serializers.CharField(help_text="How it writes what it finds: apart, rows, columns or mask.")
        least_score = serializers.FloatField()
        sha256 = serializers.CharField()
        fingerprint = serializers.CharField()
        created_at = serializers.DateTimeField()

        class Meta:
            ref_name = "RegionNetwork"

    @extend_schema(operation_id="regions", parameters=[PageInput], responses=Output(many=True))
    def get(self, request: Request) -> Response:
        params = checked(self.PageInput(data=request.query_params))
        return Response(region_networks(params.get("kind", "")))

    @extend_schema(
        operation_id="region_register", request={"multipart/form-data": Input}, responses={202: RegistrationOutput}
    )
    def post(self, request: Request) -> Response:
        params = checked(self.Input(data=request.data))
        row = request_region(
            params["kind"],
            name=params["name"],
            upload=params["file"],
            options=region_options(params),
            catalogue=catalogue_named(params["catalogue"]) if params["catalogue"] else None,
        )
        begin(row.job)
        return Response(RegistrationOutput(row).data, status=status.HTTP_202_ACCEPTED)
