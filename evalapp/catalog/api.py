"""Catalogues over HTTP, for operators."""

from __future__ import annotations

from typing import Any

from django.core.files.uploadedfile import UploadedFile
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.parsers import JSONParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from evalapp.catalog import queries, services
from evalapp.catalog.importers.boxes import clamp_box, parse_box
from evalapp.catalog.importers.texts import unstorable
from evalapp.catalog.models import LONGEST, Item
from evalapp.catalog.originals import Original, store_original
from evalapp.catalog.renditions import picture_url
from evalapp.core.api.inputs import checked
from evalapp.core.errors import InvalidInput
from models_registry.pictures import BadPicture

_MOST_BYTES = 10 * 1024 * 1024
_MOST_ITEMS = 1000
_CORNERS = ("x1", "y1", "x2", "y2")


class CatalogueOutput(serializers.Serializer[Any]):
    """A catalogue."""

    slug = serializers.CharField()
    name = serializers.CharField()
    version = serializers.IntegerField()
    items = serializers.IntegerField(source="active", help_text="Items that have not been removed.")
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()

    class Meta:
        ref_name = "Catalogue"


class ItemOutput(serializers.Serializer[Any]):
    """An item with the picture it shows. `url` is what visitors see."""

    key = serializers.CharField()
    path = serializers.CharField()
    category = serializers.CharField()
    product = serializers.CharField()
    domain = serializers.CharField()
    split = serializers.CharField()
    box = serializers.ListField(child=serializers.IntegerField(), allow_null=True, help_text="x1, y1, x2, y2.")
    attributes = serializers.DictField(child=serializers.CharField())
    version = serializers.IntegerField(help_text="The catalogue's version that brought its present form.")
    sha256 = serializers.CharField(source="picture.sha256")
    width = serializers.IntegerField(source="picture.width")
    height = serializers.IntegerField(source="picture.height")
    url = serializers.SerializerMethodField()

    def get_url(self, item: Item) -> str:
        return picture_url(item.picture.public_id)

    class Meta:
        ref_name = "Item"


class CataloguesApi(APIView):
    """`GET catalogues/`."""

    @extend_schema(operation_id="catalogues", responses=CatalogueOutput(many=True))
    def get(self, request: Request) -> Response:
        return Response(CatalogueOutput(queries.catalogues(), many=True).data)


class CatalogueApi(APIView):
    """`GET catalogues/{slug}/`: with its categories."""

    class Output(CatalogueOutput):
        class Category(serializers.Serializer[Any]):
            category = serializers.CharField()
            items = serializers.IntegerField()

            class Meta:
                ref_name = "Category"

        categories = Category(many=True)

        class Meta:
            ref_name = "CatalogueWithCategories"

    @extend_schema(operation_id="catalogue", responses=Output)
    def get(self, request: Request, slug: str) -> Response:
        catalogue = queries.catalogue_named(slug)
        counts = queries.categories(catalogue)
        summary = CatalogueOutput(queries.catalogues().get(pk=catalogue.pk)).data
        return Response({**summary, "categories": self.Output.Category(counts, many=True).data})


class ItemsApi(APIView):
    """`catalogues/{slug}/items/`: read page by page, insert or change one, remove many."""

    parser_classes = [JSONParser, MultiPartParser]

    class PageInput(serializers.Serializer[Any]):
        after = serializers.CharField(default="", allow_blank=True, max_length=LONGEST["key"])
        limit = serializers.IntegerField(default=100, min_value=1, max_value=_MOST_ITEMS)

    class PageOutput(serializers.Serializer[Any]):
        items = ItemOutput(many=True)
        after = serializers.CharField(allow_null=True, help_text="Ask on with this; null at the end.")

        class Meta:
            ref_name = "ItemPage"

    class UploadInput(serializers.Serializer[Any]):
        picture = serializers.FileField(help_text="JPEG, PNG, WebP, BMP or GIF of at most 10 MB.")
        key = serializers.CharField(max_length=LONGEST["key"])
        category = serializers.CharField(default="", allow_blank=True, max_length=LONGEST["category"])
        product = serializers.CharField(default="", allow_blank=True, max_length=LONGEST["product"])
        domain = serializers.CharField(default="", allow_blank=True, max_length=LONGEST["domain"])
        split = serializers.CharField(default="", allow_blank=True, max_length=LONGEST["split"])
        x1 = serializers.FloatField(required=False)
        y1 = serializers.FloatField(required=False)
        x2 = serializers.FloatField(required=False)
        y2 = serializers.FloatField(required=False)
        attributes = serializers.JSONField(default=dict, help_text="An object of texts.")

        def validate_picture(self, picture: UploadedFile[bytes]) -> UploadedFile[bytes]:
            if (picture.size or 0) > _MOST_BYTES:
                raise serializers.ValidationError(f"The file has more than {_MOST_BYTES // 1024**2} MB, the limit.")
            return picture

        def validate_attributes(self, attributes: Any) -> dict[str, str]:
            if not isinstance(attributes, dict) or not all(isinstance(value, str) for value in attributes.values()):
                raise serializers.ValidationError("Give an object whose values are texts.")
            if fault := unstorable("".join((*attributes, *attributes.values()))):
                raise serializers.ValidationError(fault[1])
            return attributes

        def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
            given = [corner for corner in _CORNERS if corner in attrs]
            if given and len(given) < len(_CORNERS):
                raise serializers.ValidationError("A box needs x1, y1, x2 and y2.")
            return attrs

        class Meta:
            ref_name = "ItemUpload"

    class UploadOutput(serializers.Serializer[Any]):
        change = serializers.ChoiceField(choices=["new", "updated", "unchanged"])
        version = serializers.IntegerField(help_text="The catalogue's version now.")
        item = ItemOutput()

        class Meta:
            ref_name = "ItemUploaded"

    class RemoveInput(serializers.Serializer[Any]):
        keys = serializers.ListField(
            child=serializers.CharField(max_length=LONGEST["key"]), allow_empty=False, max_length=_MOST_ITEMS
        )

        class Meta:
            ref_name = "ItemsToRemove"

    class RemoveOutput(serializers.Serializer[Any]):
        removed = serializers.IntegerField()
        version = serializers.IntegerField(help_text="The catalogue's version now.")

        class Meta:
            ref_name = "ItemsRemoved"

    @extend_schema(operation_id="items", parameters=[PageInput], responses=PageOutput)
    def get(self, request: Request, slug: str) -> Response:
        words = checked(self.PageInput(data=request.query_params))
        items = queries.items_after(queries.catalogue_named(slug), words["after"], words["limit"])
        after = items[-1].key if len(items) == words["limit"] else None
        return Response({"items": ItemOutput(items, many=True).data, "after": after})

    @extend_schema(
        operation_id="item_upload",
        request={"multipart/form-data": UploadInput},
        responses={200: UploadOutput, 201: UploadOutput},
    )
    def post(self, request: Request, slug: str) -> Response:
        catalogue = queries.catalogue_named(slug)
        words = checked(self.UploadInput(data=request.data))
        change = services.upsert_items(slug, [_draft(words, _stored(words.pop("picture")))])
        kind = "new" if change.new else "updated" if change.updated else "unchanged"
        item = ItemOutput(queries.active_items(catalogue).get(key=words["key"])).data
        return Response(
            {"change": kind, "version": change.version, "item": item},
            status=status.HTTP_201_CREATED if change.new else status.HTTP_200_OK,
        )

    @extend_schema(operation_id="items_remove", request=RemoveInput, responses=RemoveOutput)
    def delete(self, request: Request, slug: str) -> Response:
        words = checked(self.RemoveInput(data=request.data))
        removed = services.remove_items(slug, words["keys"])
        return Response({"removed": removed, "version": queries.catalogue_named(slug).version})


def _stored(picture: UploadedFile[bytes]) -> Original:
    try:
        return store_original(picture.read())
    except BadPicture as fault:
        raise InvalidInput(str(fault), code="bad_picture", fields={"picture": [str(fault)]}) from fault


def _draft(words: dict[str, Any], picture: Original) -> services.ItemDraft:
    corners = [str(words.pop(corner, "")) for corner in _CORNERS]
    try:
        raw = parse_box(corners)
        box = None if raw is None else clamp_box(raw, picture.width, picture.height)
    except ValueError as error:
        raise InvalidInput(str(error), fields={"x1": [str(error)]}) from error
    return services.ItemDraft(path=words["key"], picture=picture, box=box, **words)
