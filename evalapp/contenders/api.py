"""Models over HTTP, for operators."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from evalapp.contenders import queries


class ModelsApi(APIView):
    """`GET models/`: what is registered."""

    class Output(serializers.Serializer[Any]):
        class Tap(serializers.Serializer[Any]):
            name = serializers.CharField()
            dim = serializers.IntegerField()

            class Meta:
                ref_name = "Tap"

        name = serializers.CharField()
        spec = serializers.CharField(source="source", help_text="What it was registered from.")
        family = serializers.CharField()
        taps = Tap(many=True)
        weights_sha256 = serializers.CharField(allow_null=True)
        fingerprint = serializers.CharField()
        created_at = serializers.DateTimeField()

        class Meta:
            ref_name = "Model"

    @extend_schema(operation_id="models", responses=Output(many=True))
    def get(self, request: Request) -> Response:
        return Response(queries.registered_models())
