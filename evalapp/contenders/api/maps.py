"""Maps over HTTP, for operators."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from evalapp.catalog.queries import catalogue_named
from evalapp.contenders.services import projections
from evalapp.core.api.inputs import checked
from evalapp.core.tasks import begin
from models_registry.projection import LEAST, MOST


class MapOutput(serializers.Serializer[Any]):
    """Some pictures of a catalogue on a plane."""

    id = serializers.IntegerField(source="pk")
    catalogue = serializers.CharField(source="embedding.catalogue.slug")
    model = serializers.CharField(source="embedding.model.name")
    tap = serializers.CharField(source="embedding.tap")
    pictures = serializers.IntegerField(source="size")
    job = serializers.IntegerField(source="job_id", allow_null=True)
    created_at = serializers.DateTimeField()

    class Meta:
        ref_name = "Map"


class MapsApi(APIView):
    """`GET maps/`: the newest. `POST`: have a worker draw one."""

    class Input(serializers.Serializer[Any]):
        catalogue = serializers.CharField(max_length=80)
        embedding = serializers.CharField(max_length=180, help_text="`MODEL.TAP`.")
        items = serializers.IntegerField(default=projections.USUAL, min_value=LEAST, max_value=MOST)
        seed = serializers.IntegerField(default=0, min_value=0, max_value=2**31)

        class Meta:
            ref_name = "MapInput"

    @extend_schema(operation_id="maps", responses=MapOutput(many=True))
    def get(self, request: Request) -> Response:
        return Response(MapOutput(projections.all_maps()[:100], many=True).data)

    @extend_schema(operation_id="map_draw", request=Input, responses={202: MapOutput})
    def post(self, request: Request) -> Response:
        params = checked(self.Input(data=request.data))
        drawing = projections.request_map(
            catalogue_named(params["catalogue"]), params["embedding"], items=params["items"], seed=params["seed"]
        )
        begin(drawing.job)
        return Response(MapOutput(drawing).data, status=status.HTTP_202_ACCEPTED)


class MapApi(APIView):
    """`GET maps/{id}/`: with the places of its pictures, x and y in -1 … 1; none before it is drawn."""

    class Output(MapOutput):
        class Place(serializers.Serializer[Any]):
            key = serializers.CharField(source="item.key")
            x = serializers.FloatField()
            y = serializers.FloatField()

            class Meta:
                ref_name = "MapPlace"

        places = Place(many=True)

        class Meta:
            ref_name = "MapWithPlaces"

    @extend_schema(operation_id="map", responses=Output)
    def get(self, request: Request, map_id: int) -> Response:
        drawing = projections.map_by_id(map_id)
        places = self.Output.Place(projections.places_of(drawing), many=True).data
        return Response({**MapOutput(drawing).data, "places": places})
