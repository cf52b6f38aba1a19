"""Pictures as visitors get them."""

from __future__ import annotations

import logging

from django.core.files.storage import default_storage
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from evalapp.catalog.models import Picture
from evalapp.catalog.renditions import KINDS, ensure_rendition
from models_registry.pictures import BadPicture

logger = logging.getLogger(__name__)


@require_safe
def picture(_request: HttpRequest, public_id: str, kind: str = "webp") -> HttpResponse:
    """The rendition with this name.

    The answer is built by hand: what a file server would add (a date, a tag made from the contents, a file name)
    could tell pictures of one contender from those of another.
    """
    known = public_id.removesuffix("@2x")
    found, scale = get_object_or_404(Picture, public_id=known), 1 if known == public_id else 2
    try:
        with default_storage.open(ensure_rendition(found, kind, scale)) as file:
            data = file.read()
    except (BadPicture, OSError) as error:
        logger.warning("Picture %s cannot be shown: %s", found.pk, error)
        raise Http404("There is no such picture.") from error
    answer = HttpResponse(data, content_type=KINDS[kind])
    answer["Cache-Control"] = "public, max-age=31536000, immutable"
    return answer
