"""`POST search/{index}/photo|item|vector|attributes/`."""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.parsers import JSONParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from evalapp.catalog.models import LONGEST
from evalapp.core.api.inputs import checked
from evalapp.core.domain.errors import NotFound
from evalapp.search.api.lookup_serializers import LookupInput, LookupOutput, result_document
from evalapp.search.api.search_access import SearchApi
from evalapp.search.domain.lookup_params import LookupParams
from evalapp.search.models import SearchIndex
from evalapp.search.queries.attribute_search import Features
from evalapp.search.queries.lookups import item_of
from evalapp.search.queries.photo_uploads import most_bytes, too_large
from evalapp.search.services.kept_photos import keep_photo
from evalapp.search.services.mixed_answers import answer_by_attributes, answer_lookup
from evalapp.voting.queries.voter_identity import remember_voter, voter_for_request

_MOST_JUDGED = 50
_MOST_DIMENSIONS = 4096
_MOST_FEATURES = 20
_LARGEST = 1e15


@extend_schema_field({"type": "string", "example": "10,20,200,300"})
class BoxField(serializers.Field[Any, Any, Any, Any]):
    """`x1,y1,x2,y2` in pixels of the photo as it is displayed, or a list of these."""

    def to_internal_value(self, data: Any) -> tuple[int, int, int, int] | None:
        parts = data.split(",") if isinstance(data, str) else data
        if not parts or parts == [""]:
            return None
        try:
            x1, y1, x2, y2 = (round(float(part)) for part in parts)
        except (TypeError, ValueError, OverflowError):
            raise serializers.ValidationError("Give x1,y1,x2,y2 in pixels.") from None
        if x2 <= x1 or y2 <= y1 or min(x1, y1) < 0 or max(x2, y2) > 2**31:
            raise serializers.ValidationError("The box is empty; x1 and y1 are its upper left corner.")
        return x1, y1, x2, y2

    def to_representation(self, value: Any) -> Any:
        return value


class LikesInput(LookupInput):
    """What people said to earlier answers moves the question."""

    like = serializers.ListField(
        child=serializers.CharField(max_length=LONGEST["key"]), required=False, default=list, max_length=_MOST_JUDGED
    )
    unlike = serializers.ListField(
        child=serializers.CharField(max_length=LONGEST["key"]), required=False, default=list, max_length=_MOST_JUDGED
    )


class PhotoLookupApi(SearchApi):
    """`POST search/{index}/photo/`: a form with a photo; nothing of it is kept."""

    parser_classes = [MultiPartParser]

    class Input(LikesInput):
        photo = serializers.FileField(help_text="JPEG, PNG, WebP, AVIF, BMP or GIF; held in memory only.")
        box = BoxField(required=False, default=None)
        suggest = serializers.BooleanField(default=False, help_text="Whether `regions` say where the thing may be.")
        keep = serializers.BooleanField(
            default=False, help_text="Whether the owner lets us keep the photo for a while."
        )

        def validate_photo(self, photo: UploadedFile[bytes]) -> UploadedFile[bytes]:
            if (photo.size or 0) > most_bytes():
                raise too_large()
            return photo

        class Meta:
            ref_name = "PhotoLookup"

    @extend_schema(operation_id="search_photo", request={"multipart/form-data": Input}, responses=LookupOutput)
    def post(self, request: Request, slug: str) -> Response:
        index = self.index_to_search(request, slug)
        params = checked(self.Input(data=request.data))
        fields = {"box": params["box"], "suggest": params["suggest"], **_lookup_fields(index, "photo", params)}
        lookup = LookupParams(**fields, **_judged_items(index, params))
        data = params["photo"].read()
        if not params["keep"]:
            return _answer_lookup(index, lookup, data)
        # Kept after it was found to be a picture, and named as what was searched with.
        result, question, _ = answer_lookup(index, lookup, data, is_testable=False)
        voter = voter_for_request(request)
        photo_item = keep_photo(index, voter, data, params["box"])
        response = Response(result_document(result, replace(question, item=photo_item.pk)))
        remember_voter(request, response, voter)
        return response


class ItemLookupApi(SearchApi):
    """`POST search/{index}/item/`: more like an item, or like several and unlike others."""

    parser_classes = [JSONParser]

    class Input(LikesInput):
        key = serializers.CharField(max_length=LONGEST["key"], required=False, allow_blank=True, default="")

        def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
            if not attrs["key"] and not attrs["like"]:
                raise serializers.ValidationError("Name an item (`key`), or items that are liked (`like`).")
            return attrs

        class Meta:
            ref_name = "ItemLookup"

    @extend_schema(operation_id="search_item", request=Input, responses=LookupOutput)
    def post(self, request: Request, slug: str) -> Response:
        index = self.index_to_search(request, slug)
        params = checked(self.Input(data=request.data))
        item = item_of(index, params["key"]).pk if params["key"] else None
        kind = "item" if item else "likes"
        lookup = LookupParams(item=item, **_lookup_fields(index, kind, params), **_judged_items(index, params))
        return _answer_lookup(index, lookup)


class VectorLookupApi(SearchApi):
    """`POST search/{index}/vector/`: with numbers of the index's own encoder."""

    parser_classes = [JSONParser]

    class Input(LookupInput):
        vector = serializers.ListField(
            child=serializers.FloatField(min_value=-_LARGEST, max_value=_LARGEST),
            min_length=1,
            max_length=_MOST_DIMENSIONS,
        )

        class Meta:
            ref_name = "VectorLookup"

    @extend_schema(operation_id="search_vector", request=Input, responses=LookupOutput)
    def post(self, request: Request, slug: str) -> Response:
        index = self.index_to_search(request, slug)
        params = checked(self.Input(data=request.data))
        lookup = LookupParams(**_lookup_fields(index, "vector", params))
        blob = struct.pack(f"<{len(params['vector'])}f", *params["vector"])
        return _answer_lookup(index, lookup, blob)


class AttributeLookupApi(SearchApi):
    """`POST search/{index}/attributes/`: the baseline without vectors, in the same form."""

    parser_classes = [JSONParser]

    class Input(LookupInput):
        key = serializers.CharField(max_length=LONGEST["key"], required=False, allow_blank=True, default="")
        category = serializers.CharField(max_length=LONGEST["category"], required=False, allow_blank=True, default="")
        attributes = serializers.DictField(
            child=serializers.CharField(max_length=LONGEST["product"]), required=False, default=dict
        )

        def validate_attributes(self, attributes: dict[str, str]) -> dict[str, str]:
            if len(attributes) > _MOST_FEATURES:
                raise serializers.ValidationError(f"Give up to {_MOST_FEATURES} attributes.")
            if any("\x00" in name for name in attributes):
                raise serializers.ValidationError("A name holds a character that no attribute has.")
            return attributes

        class Meta:
            ref_name = "AttributeLookup"

    @extend_schema(operation_id="search_attributes", request=Input, responses=LookupOutput)
    def post(self, request: Request, slug: str) -> Response:
        index = self.index_to_search(request, slug)
        params = checked(self.Input(data=request.data))
        item = item_of(index, params["key"]).pk if params["key"] else None
        lookup = LookupParams(item=item, **_lookup_fields(index, "attributes", params))
        features = None if item else Features(params["category"], params["attributes"])
        return Response(result_document(*answer_by_attributes(index, lookup, features)))


def _answer_lookup(index: SearchIndex, lookup: LookupParams, blob: bytes = b"") -> Response:
    result, question, is_mixed = answer_lookup(index, lookup, blob)
    return Response(result_document(result, question, is_mixed=is_mixed))


def _lookup_fields(index: SearchIndex, kind: str, params: dict[str, Any]) -> dict[str, Any]:
    return {
        "index": index.slug,
        "kind": kind,
        "k": params["k"],
        "metric": params.get("metric", ""),
        "filters": params["filters"],
        "one_per_product": params["group"] == "product",
    }


def _judged_items(index: SearchIndex, params: dict[str, Any]) -> dict[str, Any]:
    """Likes and unlikes by id; raises NotFound for a key that nothing bears."""
    keys = {*params["like"], *params["unlike"]}
    if not keys:
        return {}
    rows = index.catalogue.items.filter(key__in=keys, removed=False).values_list("key", "pk")
    item_ids = dict(rows)
    if missing := sorted(keys - item_ids.keys()):
        raise NotFound(f"{index.catalogue} has no item {missing[0]!r}.")
    return {name: [item_ids[key] for key in params[name]] for name in ("like", "unlike")}
