"""Models over HTTP, for operators."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.parsers import JSONParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from evalapp.catalog.queries import catalogue_named
from evalapp.contenders.models import Registration
from evalapp.contenders.queries.registered_models import model_named, registered_models
from evalapp.contenders.services import model_changes
from evalapp.contenders.services.registrations import (
    OPTIONS,
    registration_by_id,
    request_preprocessing,
    request_registration,
)
from evalapp.core.api.inputs import checked, with_fields_renamed
from evalapp.core.api.jobs import JobOutput
from evalapp.core.queries import job_line
from evalapp.core.tasks import begin


class ModelOutput(serializers.Serializer[Any]):
    """An encoder that is registered."""

    class Tap(serializers.Serializer[Any]):
        name = serializers.CharField()
        dim = serializers.IntegerField()

        class Meta:
            ref_name = "Tap"

    name = serializers.CharField()
    spec = serializers.CharField(source="source", help_text="What it was registered from.")
    family = serializers.CharField()
    taps = Tap(many=True)
    preprocess = serializers.DictField(allow_null=True, help_text="How it reads pictures; null if it reads keys.")
    weights_sha256 = serializers.CharField(allow_null=True)
    fingerprint = serializers.CharField()
    created_at = serializers.DateTimeField()
    archived_at = serializers.DateTimeField(allow_null=True)

    class Meta:
        ref_name = "Model"


class RegistrationOutput(serializers.Serializer[Any]):
    """A network on its way: how far the worker is, and what it made of a few pictures."""

    id = serializers.IntegerField(source="pk")
    kind = serializers.CharField(help_text="locator or masker; empty for an encoder.")
    name = serializers.CharField()
    told = serializers.CharField(help_text="What the file was called.")
    model = serializers.CharField(source="model.name", default=None, allow_null=True)
    region = serializers.CharField(source="region.name", default=None, allow_null=True)
    trial = serializers.DictField(
        help_text="Per tap warnings and five pairs of items with their distance; of a locator or masker `regions`."
    )
    job = serializers.SerializerMethodField()
    created_at = serializers.DateTimeField()

    @extend_schema(responses=JobOutput)
    def get_job(self, row: Registration) -> dict[str, Any] | None:
        return dict(JobOutput(job_line(row.job_id)).data) if row.job_id else None

    class Meta:
        ref_name = "Registration"


class OptionsField(serializers.DictField):
    """Options by name, as `register_model` takes them."""

    def __init__(self, **params: Any) -> None:
        params.setdefault("help_text", f"Of {', '.join(OPTIONS)}.")
        super().__init__(child=serializers.CharField(max_length=200), default=dict, **params)


class ModelsApi(APIView):
    """`GET models/`: what is registered. `POST`: a file, or a source by name; answers with the registration."""

    parser_classes = [JSONParser, MultiPartParser]

    class Input(serializers.Serializer[Any]):
        name = serializers.CharField(max_length=80)
        file = serializers.FileField(required=False, help_text="onnx, safetensors, npz, parquet, or a zip.")
        spec = serializers.CharField(default="", allow_blank=True, max_length=400, help_text="Or a source by name.")
        catalogue = serializers.CharField(default="", allow_blank=True, help_text="Try it on pictures of this one.")
        tap = serializers.CharField(required=False, max_length=200)
        size = serializers.CharField(required=False, max_length=10)
        resize = serializers.CharField(required=False, max_length=20)
        interpolation = serializers.CharField(required=False, max_length=20)
        mean = serializers.CharField(required=False, max_length=60)
        std = serializers.CharField(required=False, max_length=60)
        channels = serializers.CharField(required=False, max_length=3)
        seed = serializers.CharField(required=False, max_length=12)

        class Meta:
            ref_name = "ModelInput"

    @extend_schema(operation_id="models", responses=ModelOutput(many=True))
    def get(self, request: Request) -> Response:
        all_models = [*registered_models(), *registered_models(archived=True)]
        return Response(ModelOutput(sorted(all_models, key=lambda one: str(one["name"])), many=True).data)

    @extend_schema(
        operation_id="model_register",
        request={"multipart/form-data": Input, "application/json": Input},
        responses={202: RegistrationOutput},
    )
    def post(self, request: Request) -> Response:
        params = checked(self.Input(data=request.data))
        with with_fields_renamed(source="spec"):
            row = request_registration(
                name=params["name"],
                source=params["spec"],
                upload=params.get("file"),
                options={name: params[name] for name in OPTIONS if name in params},
                catalogue=catalogue_named(params["catalogue"]) if params["catalogue"] else None,
            )
        begin(row.job)
        return Response(RegistrationOutput(row).data, status=status.HTTP_202_ACCEPTED)


class RegistrationApi(APIView):
    """`GET registrations/{id}/`: how far it is, and what came of it."""

    @extend_schema(operation_id="registration", responses=RegistrationOutput)
    def get(self, request: Request, registration_id: int) -> Response:
        return Response(RegistrationOutput(registration_by_id(registration_id)).data)


class ModelApi(APIView):
    """`PATCH models/{name}/`: another name, away or back. `DELETE`: gone, if nothing was made with it."""

    class Input(serializers.Serializer[Any]):
        name = serializers.CharField(required=False, max_length=80)
        archived = serializers.BooleanField(required=False)

        class Meta:
            ref_name = "ModelChange"

    @extend_schema(operation_id="model_change", request=Input, responses=ModelOutput)
    def patch(self, request: Request, name: str) -> Response:
        model, params = model_named(name), checked(self.Input(data=request.data))
        if "name" in params:
            model_changes.rename_model(model, params["name"])
        if "archived" in params:
            model_changes.archive_model(model, archived=params["archived"])
        all_models = [*registered_models(), *registered_models(archived=True)]
        return Response(ModelOutput(next(one for one in all_models if one["name"] == model.name)).data)

    @extend_schema(operation_id="model_delete", request=None, responses={204: None})
    def delete(self, request: Request, name: str) -> Response:
        model_changes.delete_model(model_named(name))
        return Response(status=status.HTTP_204_NO_CONTENT)


class PreprocessingApi(APIView):
    """`POST models/{name}/preprocessing/`: read pictures in another way, before anything was made with it."""

    class Input(serializers.Serializer[Any]):
        options = OptionsField()

        class Meta:
            ref_name = "PreprocessingInput"

    @extend_schema(operation_id="model_preprocessing", request=Input, responses={202: RegistrationOutput})
    def post(self, request: Request, name: str) -> Response:
        row = request_preprocessing(model_named(name), checked(self.Input(data=request.data))["options"])
        begin(row.job)
        return Response(RegistrationOutput(row).data, status=status.HTTP_202_ACCEPTED)
