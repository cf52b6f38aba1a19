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

from evalapp.catalog import queries, tasks
from evalapp.catalog.domain.importers.bounding_boxes import clamp_box, parse_box
from evalapp.catalog.domain.importers.importer_base import Record
from evalapp.catalog.domain.label_watch import LabelWatch
from evalapp.catalog.domain.originals import Original, store_original
from evalapp.catalog.models import LONGEST, Item
from evalapp.catalog.services import catalogues as changes
from evalapp.catalog.services import items as services
from evalapp.catalog.services.arrival_checks import CHECKS, check_arrivals
from evalapp.catalog.services.renditions import picture_url
from evalapp.catalog.services.withdraw_pictures import withdraw_pictures
from evalapp.core.api.inputs import checked
from evalapp.core.domain.errors import InvalidInput
from evalapp.core.domain.values.storable_texts import why_unstorable
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
    archived_at = serializers.DateTimeField(allow_null=True)

    class Meta:
        ref_name = "Catalogue"


class ItemOutput(serializers.Serializer[Any]):
    """An item with the picture it shows. `url` is what visitors see: its box, where it has one."""

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
        return picture_url(item.shown.public_id)

    class Meta:
        ref_name = "Item"


class CataloguesApi(APIView):
    """`GET catalogues/`, and `POST` for an empty one; `catalogues/{slug}/imports/` brings pictures."""

    class Input(serializers.Serializer[Any]):
        slug = serializers.CharField(
            default="", allow_blank=True, max_length=80, help_text="Made from the name if empty."
        )
        name = serializers.CharField(default="", allow_blank=True, max_length=200, help_text="What people call it.")

        class Meta:
            ref_name = "CatalogueInput"

    @extend_schema(operation_id="catalogues", responses=CatalogueOutput(many=True))
    def get(self, request: Request) -> Response:
        return Response(CatalogueOutput(queries.catalogues_with_counts(), many=True).data)

    @extend_schema(operation_id="catalogue_create", request=Input, responses={201: CatalogueOutput})
    def post(self, request: Request) -> Response:
        catalogue = changes.create_catalogue(**checked(self.Input(data=request.data)))
        summary = CatalogueOutput(queries.catalogues_with_counts().get(pk=catalogue.pk)).data
        return Response(summary, status=status.HTTP_201_CREATED)


class CatalogueApi(APIView):
    """`catalogues/{slug}/`: with its categories; `PATCH` renames it or puts it away, `DELETE` deletes an unused one."""

    class ChangeInput(serializers.Serializer[Any]):
        name = serializers.CharField(required=False, allow_blank=True, max_length=200)
        archived = serializers.BooleanField(required=False, help_text="Whether it is offered no more.")

        class Meta:
            ref_name = "CatalogueChange"

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
        counts = queries.category_counts(catalogue)
        summary = CatalogueOutput(queries.catalogues_with_counts().get(pk=catalogue.pk)).data
        return Response({**summary, "categories": self.Output.Category(counts, many=True).data})

    @extend_schema(operation_id="catalogue_change", request=ChangeInput, responses=CatalogueOutput)
    def patch(self, request: Request, slug: str) -> Response:
        catalogue, params = queries.catalogue_named(slug), checked(self.ChangeInput(data=request.data))
        if "name" in params:
            changes.rename_catalogue(catalogue, params["name"])
        if "archived" in params:
            changes.archive_catalogue(catalogue, archived=params["archived"])
        return Response(CatalogueOutput(queries.catalogues_with_counts().get(pk=catalogue.pk)).data)

    @extend_schema(operation_id="catalogue_delete", request=None, responses={204: None})
    def delete(self, request: Request, slug: str) -> Response:
        changes.delete_catalogue(queries.catalogue_named(slug))
        return Response(status=status.HTTP_204_NO_CONTENT)


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
        picture = serializers.FileField(help_text="JPEG, PNG, WebP, AVIF, BMP or GIF of at most 10 MB.")
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
            if fault := why_unstorable("".join((*attributes, *attributes.values()))):
                raise serializers.ValidationError(fault[1])
            return attributes

        def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
            given_corners = [corner for corner in _CORNERS if corner in attrs]
            if given_corners and len(given_corners) < len(_CORNERS):
                raise serializers.ValidationError("A box needs x1, y1, x2 and y2.")
            return attrs

        class Meta:
            ref_name = "ItemUpload"

    class CheckInput(serializers.Serializer[Any]):
        check = serializers.ChoiceField(
            choices=sorted(CHECKS), required=False, help_text="Tell at once what the item doubles."
        )

    class UploadOutput(serializers.Serializer[Any]):
        class Doubles(serializers.Serializer[Any]):
            class Pair(serializers.Serializer[Any]):
                item = serializers.CharField()
                other = serializers.CharField(help_text="What it doubles.")
                level = serializers.ChoiceField(choices=["bytes", "picture", "thing"])
                distance = serializers.FloatField(allow_null=True, help_text="Between the vectors.")

                class Meta:
                    ref_name = "ArrivedDouble"

            checked = serializers.ChoiceField(choices=["picture", "bytes", "later"], help_text="How far was looked.")
            why = serializers.CharField(help_text="Why not all that could be was compared at once; else empty.")
            job = serializers.IntegerField(allow_null=True, help_text="What looks, where it is later.")
            pairs = Pair(many=True)

            class Meta:
                ref_name = "ArrivedDoubles"

        change = serializers.ChoiceField(choices=["new", "updated", "unchanged"])
        version = serializers.IntegerField(help_text="The catalogue's version now.")
        item = ItemOutput()
        remarks = serializers.ListField(
            child=serializers.CharField(),
            help_text="What was taken otherwise than it was sent, such as a label `nan`.",
        )
        duplicates = Doubles(required=False, help_text="With ?check=duplicates. Decided pairs are not told again.")

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
        params = checked(self.PageInput(data=request.query_params))
        items = queries.items_after(queries.catalogue_named(slug), params["after"], params["limit"])
        after = items[-1].key if len(items) == params["limit"] else None
        return Response({"items": ItemOutput(items, many=True).data, "after": after})

    @extend_schema(
        operation_id="item_upload",
        parameters=[CheckInput],
        request={"multipart/form-data": UploadInput},
        responses={200: UploadOutput, 201: UploadOutput},
    )
    def post(self, request: Request, slug: str) -> Response:
        catalogue = queries.catalogue_named(slug)
        check = checked(self.CheckInput(data=request.query_params)).get("check")
        params = checked(self.UploadInput(data=request.data))
        params, remarks = _without_words_for_nothing(params)
        change = services.upsert_items(slug, [_draft_item(params, _store_picture(params.pop("picture")))])
        kind = "new" if change.new else "updated" if change.updated else "unchanged"
        item = queries.active_items(catalogue).get(key=params["key"])
        tasks.ask_for(item.shown)
        check_result = {check: check_arrivals(check, slug, [params["key"]])} if check else {}
        return Response(
            {
                "change": kind,
                "version": change.version,
                "item": ItemOutput(item).data,
                "remarks": remarks,
                **check_result,
            },
            status=status.HTTP_201_CREATED if change.new else status.HTTP_200_OK,
        )

    @extend_schema(operation_id="items_remove", request=RemoveInput, responses=RemoveOutput)
    def delete(self, request: Request, slug: str) -> Response:
        params = checked(self.RemoveInput(data=request.data))
        removed = services.remove_items(slug, params["keys"])
        return Response({"removed": removed, "version": queries.catalogue_named(slug).version})


class WithdrawApi(APIView):
    """`POST catalogues/{slug}/items/withdraw/`: take pictures down for good."""

    class Output(serializers.Serializer[Any]):
        withdrawn = serializers.IntegerField(help_text="Pictures whose files are gone.")
        version = serializers.IntegerField(help_text="The catalogue's version now.")

        class Meta:
            ref_name = "PicturesWithdrawn"

    @extend_schema(operation_id="pictures_withdraw", request=ItemsApi.RemoveInput, responses=Output)
    def post(self, request: Request, slug: str) -> Response:
        params = checked(ItemsApi.RemoveInput(data=request.data))
        withdrawn = withdraw_pictures(slug, params["keys"])
        return Response({"withdrawn": withdrawn, "version": queries.catalogue_named(slug).version})


def _store_picture(picture: UploadedFile[bytes]) -> Original:
    try:
        return store_original(picture.read(), withdrawn=queries.withdrawn_hashes())
    except BadPicture as fault:
        raise InvalidInput(str(fault), code="bad_picture", fields={"picture": [str(fault)]}) from fault


def _without_words_for_nothing(params: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The labels as an import would take them, and what it would tell."""
    labels = {name: params[name] for name in ("category", "product", "domain", "split", "attributes")}
    record = Record(row=1, path=params["key"], key=params["key"], **labels)
    cleaned, faults = LabelWatch(where="").clean_record(record)
    remarks = [fault.message for fault in faults]
    remarks += [
        f"The attribute {name!r} has no value: {value!r} was taken for none."
        for name, value in record.attributes.items()
        if name not in cleaned.attributes
    ]
    return {**params, **{name: getattr(cleaned, name) for name in labels}}, remarks


def _draft_item(params: dict[str, Any], picture: Original) -> services.ItemDraft:
    corners = [str(params.pop(corner, "")) for corner in _CORNERS]
    try:
        raw = parse_box(corners)
        box = None if raw is None else clamp_box(raw, picture.width, picture.height)
    except ValueError as error:
        raise InvalidInput(str(error), fields={"x1": [str(error)]}) from error
    draft = services.ItemDraft(path=params["key"], picture=picture, box=box, **params)
    services.check_texts(draft)
    return draft
