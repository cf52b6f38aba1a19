"""What operations for voters have in common: nobody signs in, and pairs are described alike."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.permissions import AllowAny
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from evalapp.voting.models import Side


class VoterApi(APIView):
    """An operation for voters; see the package for why no CSRF token is asked for."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """There is nobody to authenticate, nothing to permit, and JSON only to negotiate about."""
        request.accepted_renderer, request.accepted_media_type = JSONRenderer(), JSONRenderer.media_type
        sent_as = str(request.content_type).partition(";")[0].strip().lower()
        if request.method == "POST" and sent_as != "application/json":
            # Where the cookie travels across sites, in a frame, another site's script can send anything else unasked,
            # an empty body too.
            raise UnsupportedMediaType(sent_as or "nothing")


class PictureOutput(serializers.Serializer[Any]):
    """One picture, in the sizes and kinds there are."""

    image = serializers.CharField(help_text="Address of the picture, as WebP.")
    srcset = serializers.CharField(help_text="The same for usual and for dense screens, as the attribute wants it.")
    jpeg = serializers.CharField(help_text="Address of the picture for who cannot show WebP.")
    width = serializers.IntegerField(help_text="Pixels of the picture at that address.")
    height = serializers.IntegerField()
    alt = serializers.CharField(help_text="Neutral words; never what the picture shows.")

    class Meta:
        ref_name = "Picture"


@extend_schema_serializer(component_name="Exposure")
class ExposureOutput(serializers.Serializer[Any]):
    """One pair to be judged."""

    token = serializers.CharField(help_text="Send it back with the vote.")
    query = PictureOutput()
    candidate = PictureOutput()
    side = serializers.ChoiceField(
        choices=Side.choices, required=False, help_text="Where the query stands, in studies that leave it to chance."
    )


@extend_schema_serializer(component_name="Group")
class GroupOutput(serializers.Serializer[Any]):
    """One query with several candidates: the closer of two, or all that match."""

    @extend_schema_serializer(component_name="GroupCandidate")
    class Candidate(PictureOutput):
        token = serializers.CharField(help_text="Send it back with the vote on this candidate.")

    group = serializers.CharField()
    query = PictureOutput()
    candidates = Candidate(many=True)
