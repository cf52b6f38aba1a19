"""The stored vectors over HTTP, for operators."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from evalapp.contenders.pipeline import vector_storage


class StorageApi(APIView):
    """`GET storage/`: the stored vectors with who needs them. `DELETE`: what nobody needs goes."""

    class Output(serializers.Serializer[Any]):
        model = serializers.CharField()
        tap = serializers.CharField()
        fingerprint = serializers.CharField()
        vectors = serializers.IntegerField()
        dtypes = serializers.ListField(child=serializers.CharField())
        bytes = serializers.IntegerField()
        needed_by = serializers.ListField(child=serializers.CharField())

        class Meta:
            ref_name = "Holding"

    class Freed(serializers.Serializer[Any]):
        freed = serializers.IntegerField(help_text="Bytes.")

        class Meta:
            ref_name = "Freed"

    @extend_schema(operation_id="storage", responses=Output(many=True))
    def get(self, request: Request) -> Response:
        return Response(self.Output([asdict(one) for one in vector_storage.list_holdings()], many=True).data)

    @extend_schema(operation_id="storage_prune", request=None, responses=Freed)
    def delete(self, request: Request) -> Response:
        return Response({"freed": sum(size for _, size in vector_storage.prune_vectors())})
