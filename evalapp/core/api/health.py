"""What is embedded, reachable and missing, over HTTP for operators."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from evalapp.core.services.diagnosis import gather_findings


class DoctorApi(APIView):
    """`GET doctor/`: as the command says it, but for the engine, which workers tell."""

    class Output(serializers.Serializer[Any]):
        class Finding(serializers.Serializer[Any]):
            about = serializers.CharField()
            ok = serializers.BooleanField()
            text = serializers.CharField()
            needed = serializers.BooleanField()

            class Meta:
                ref_name = "Finding"

        ok = serializers.BooleanField()
        findings = Finding(many=True)

        class Meta:
            ref_name = "Doctor"

    @extend_schema(operation_id="doctor", responses=Output)
    def get(self, request: Request) -> Response:
        all_findings = gather_findings(engine=False)
        return Response(
            {
                "ok": all(one.ok or not one.needed for one in all_findings),
                "findings": [asdict(one) for one in all_findings],
            }
        )
