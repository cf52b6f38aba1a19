"""Photos and the products in them over HTTP, for operators."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.parsers import JSONParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from evalapp.catalog.models import LONGEST
from evalapp.catalog.queries import catalogue_named
from evalapp.catalog.services.renditions import picture_url
from evalapp.core.api.inputs import checked
from evalapp.search.api.lookup_serializers import GuessOutput, RegionOutput
from evalapp.search.api.lookups import BoxField
from evalapp.search.models import TagDecision, TaggedPhoto
from evalapp.search.queries.photo_tags import (
    Proposal,
    exported_tag,
    propose_products,
    tagged_photo,
    tagged_photos,
    tags_of,
)
from evalapp.search.queries.photo_uploads import keep_in_memory, most_bytes, too_large
from evalapp.search.queries.search_indexes import index_of_catalogue
from evalapp.search.services import photo_tags as services

_MOST = 500


class TaggedPhotoOutput(serializers.Serializer[Any]):
    """A photo that is being tagged."""

    id = serializers.IntegerField()
    name = serializers.CharField(help_text="Items made of it are called by it.")
    domain = serializers.CharField(help_text="Of these items.")
    image = serializers.CharField()
    width = serializers.IntegerField()
    height = serializers.IntegerField()

    class Meta:
        ref_name = "TaggedPhoto"


class TagOutput(serializers.Serializer[Any]):
    """What somebody said to a product in a box of a photo."""

    photo = serializers.CharField()
    x1 = serializers.IntegerField()
    y1 = serializers.IntegerField()
    x2 = serializers.IntegerField()
    y2 = serializers.IntegerField()
    product = serializers.CharField()
    category = serializers.CharField()
    decision = serializers.ChoiceField(choices=TagDecision.choices)
    domain = serializers.CharField()
    item = serializers.CharField(allow_null=True, help_text="The item that a confirmed tag is.")
    index = serializers.CharField(allow_null=True, help_text="Whose proposal it was.")
    rank = serializers.IntegerField(allow_null=True)
    confidence = serializers.FloatField(allow_null=True)
    decided_by = serializers.CharField()
    decided_at = serializers.DateTimeField()

    class Meta:
        ref_name = "PhotoTag"


class TaggedPhotosApi(APIView):
    """`catalogues/{slug}/photos/`: photos whose products are told; bring one."""

    parser_classes = [MultiPartParser]

    class PageInput(serializers.Serializer[Any]):
        before = serializers.IntegerField(required=False, min_value=1, help_text="Photos older than this id.")
        limit = serializers.IntegerField(default=100, min_value=1, max_value=_MOST)

    class Input(serializers.Serializer[Any]):
        photo = serializers.FileField(required=False, help_text="Its pixels are stored, nothing else of the file.")
        item = serializers.CharField(required=False, max_length=LONGEST["key"], help_text="Or the key of an item.")
        domain = serializers.CharField(required=False, max_length=LONGEST["domain"], help_text="street if left out.")

        def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
            if ("photo" in attrs) == ("item" in attrs):
                raise serializers.ValidationError("Send a photo, or name an item.")
            return attrs

        def validate_photo(self, photo: UploadedFile[bytes]) -> UploadedFile[bytes]:
            if (photo.size or 0) > most_bytes():
                raise too_large()
            return photo

        class Meta:
            ref_name = "TaggedPhotoBrought"

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:
        keep_in_memory(request)
        return super().initialize_request(request, *args, **kwargs)

    @extend_schema(operation_id="photos", parameters=[PageInput], responses=TaggedPhotoOutput(many=True))
    def get(self, request: Request, slug: str) -> Response:
        params = checked(self.PageInput(data=request.query_params))
        photos = tagged_photos(catalogue_named(slug))
        if "before" in params:
            photos = photos.filter(pk__lt=params["before"])
        return Response([photo_document(photo) for photo in photos[: params["limit"]]])

    @extend_schema(
        operation_id="photo_bring", request={"multipart/form-data": Input}, responses={201: TaggedPhotoOutput}
    )
    def post(self, request: Request, slug: str) -> Response:
        params = checked(self.Input(data=request.data))
        catalogue, who = catalogue_named(slug), request.user.get_username()
        if "photo" in params:
            domain = params.get("domain", services.USUAL_DOMAIN)
            photo = services.bring_photo(catalogue, params["photo"].read(), domain=domain, who=who)
        else:
            photo = services.take_photo(catalogue, params["item"], domain=params.get("domain", ""), who=who)
        return Response(photo_document(photo), status=status.HTTP_201_CREATED)


class TaggedPhotoApi(APIView):
    """`catalogues/{slug}/photos/{id}/`: what an index proposes for a box of it; forget it."""

    class AskInput(serializers.Serializer[Any]):
        box = BoxField(required=False, default=None)
        index = serializers.CharField(required=False, max_length=80, help_text="The newest that serves if left out.")

    class Output(serializers.Serializer[Any]):
        class Proposal(serializers.Serializer[Any]):
            rank = serializers.IntegerField()
            product = serializers.CharField()
            category = serializers.CharField()
            key = serializers.CharField(help_text="Of the nearest item of this product.")
            image = serializers.CharField()
            distance = serializers.FloatField()
            confidence = serializers.FloatField(allow_null=True, help_text="That of the guess; null for the others.")
            decision = serializers.CharField(help_text="What was said to it before; empty for nothing.")

            class Meta:
                ref_name = "TagProposal"

        photo = TaggedPhotoOutput()
        index = serializers.CharField()
        box = serializers.ListField(child=serializers.IntegerField())
        proposals = Proposal(many=True)
        regions = RegionOutput(many=True)
        guess = GuessOutput(allow_null=True)
        tags = TagOutput(many=True)

        class Meta:
            ref_name = "TagProposals"

    @extend_schema(
        operation_id="photo",
        parameters=[AskInput],
        responses=Output,
    )
    def get(self, request: Request, slug: str, number: int) -> Response:
        params = checked(self.AskInput(data=request.query_params))
        photo = tagged_photo(catalogue_named(slug), number)
        proposed = propose_products(photo, params["box"], params.get("index", ""))
        tags = tags_of(photo.catalogue).filter(photo=photo)
        return Response(
            {
                "photo": photo_document(photo),
                "index": proposed.index.slug,
                "box": list(proposed.box),
                "proposals": [_proposal_document(proposal) for proposal in proposed.products],
                "regions": [asdict(region) for region in proposed.regions],
                "guess": proposed.guess,
                "tags": [exported_tag(tag) for tag in tags],
            }
        )

    @extend_schema(operation_id="photo_forget", responses={204: None})
    def delete(self, request: Request, slug: str, number: int) -> Response:
        services.forget_photo(tagged_photo(catalogue_named(slug), number))
        return Response(status=status.HTTP_204_NO_CONTENT)


class PhotoTagsApi(APIView):
    """`POST catalogues/{slug}/photos/{id}/tags/`: a box shows a product, or does not; safe to send again."""

    parser_classes = [JSONParser]

    class Input(serializers.Serializer[Any]):
        product = serializers.CharField(max_length=LONGEST["product"])
        decision = serializers.ChoiceField(choices=services.DECISIONS)
        box = BoxField(required=False, default=None)
        index = serializers.CharField(required=False, max_length=80, help_text="Whose proposal it was.")
        rank = serializers.IntegerField(required=False, min_value=1, max_value=32_000)
        confidence = serializers.FloatField(required=False, allow_null=True, min_value=0, max_value=1)

        class Meta:
            ref_name = "PhotoTagDecision"

    class Output(serializers.Serializer[Any]):
        tag = TagOutput(allow_null=True, help_text="Null once it is taken back.")

        class Meta:
            ref_name = "PhotoTagDecided"

    @extend_schema(operation_id="photo_tag", request=Input, responses=Output)
    def post(self, request: Request, slug: str, number: int) -> Response:
        params = checked(self.Input(data=request.data))
        photo = tagged_photo(catalogue_named(slug), number)
        index = index_of_catalogue(slug, params["index"], every=True) if params.get("index") else None
        tag = services.decide_tag(
            photo,
            params["box"],
            params["product"],
            params["decision"],
            who=request.user.get_username(),
            index=index,
            rank=params.get("rank"),
            confidence=params.get("confidence"),
        )
        return Response({"tag": None if tag is None else exported_tag(tag)})


class TagsApi(APIView):
    """`GET catalogues/{slug}/tags/`: everything that was said, page by page."""

    class PageInput(serializers.Serializer[Any]):
        decision = serializers.ChoiceField(choices=TagDecision.choices, required=False)
        after = serializers.IntegerField(default=0, min_value=0, help_text="Tags that come after this one.")
        limit = serializers.IntegerField(default=100, min_value=1, max_value=_MOST)

    class PageOutput(serializers.Serializer[Any]):
        tags = TagOutput(many=True)
        after = serializers.IntegerField(allow_null=True, help_text="Ask on with this; null at the end.")

        class Meta:
            ref_name = "PhotoTagPage"

    @extend_schema(operation_id="photo_tags", parameters=[PageInput], responses=PageOutput)
    def get(self, request: Request, slug: str) -> Response:
        params = checked(self.PageInput(data=request.query_params))
        tags = tags_of(catalogue_named(slug), decision=params.get("decision", ""))
        page = list(tags.filter(pk__gt=params["after"])[: params["limit"]])
        after = page[-1].pk if len(page) == params["limit"] else None
        return Response({"tags": [exported_tag(tag) for tag in page], "after": after})


def _proposal_document(proposal: Proposal) -> dict[str, Any]:
    item = proposal.answer.item
    return {
        "rank": proposal.rank,
        "product": item.product,
        "category": item.category,
        "key": item.key,
        "image": picture_url(item.public_id),
        "distance": round(proposal.answer.distance, 6),
        "confidence": proposal.confidence,
        "decision": proposal.decision,
    }


def photo_document(photo: TaggedPhoto) -> dict[str, Any]:
    """A photo as it leaves the server."""
    picture = photo.picture
    return {
        "id": photo.pk,
        "name": photo.name,
        "domain": photo.domain,
        "image": picture_url(picture.public_id),
        "width": picture.width,
        "height": picture.height,
    }
