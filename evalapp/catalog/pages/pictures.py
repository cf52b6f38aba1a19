"""Pictures as visitors get them."""

from __future__ import annotations

import logging

from django.conf import settings
from django.core.files.storage import default_storage
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from evalapp.catalog import tasks
from evalapp.catalog.domain.exposure_names import public_id_of
from evalapp.catalog.models import Cutout, Picture
from evalapp.catalog.queries import shown_under
from evalapp.catalog.services.renditions import KINDS, Busy, ensure_rendition_on_request, stored_rendition
from models_registry.pictures import BadPicture

logger = logging.getLogger(__name__)


@require_safe
def show_picture(request: HttpRequest, public_id: str, kind: str = "webp") -> HttpResponse:
    """The rendition with this name; while it is not made, the smaller one of the two, or not found.

    The answer is built by hand: what a file server would add (a date, a tag made from the contents, a file name)
    could tell pictures of one contender from those of another.
    """
    plain_name = public_id.removesuffix("@2x")
    shown, scale = shown_under(public_id_of(plain_name)), 1 if plain_name == public_id else 2
    if shown is None:
        raise Http404("There is no such picture.")
    try:
        exact_name = stored_rendition(shown, kind, scale) or _made_for_operators(request, shown, kind, scale)
        name = exact_name or _stored_instead(shown, kind, scale)
        with default_storage.open(name) as file:
            data = file.read()
    except Busy as busy:
        return HttpResponse(busy.message, status=busy.status, headers={"Retry-After": "5"}, content_type="text/plain")
    except (BadPicture, OSError) as error:
        logger.warning("Picture %s cannot be shown: %s", shown.pk, error)
        raise Http404("There is no such picture.") from error
    answer = HttpResponse(data, content_type=KINDS[kind])
    answer["Cache-Control"] = "public, max-age=31536000, immutable" if exact_name else "no-store"
    return answer


def _made_for_operators(request: HttpRequest, shown: Picture | Cutout, kind: str, scale: int) -> str | None:
    """Operators look through what they have just brought in. Decoding an original takes a hundred megabytes and more:
    no visitor's request begins it."""
    # Without a session there is nobody to look up.
    if settings.SESSION_COOKIE_NAME in request.COOKIES and request.user.is_staff:
        return ensure_rendition_on_request(shown, kind, scale)
    return None


def _stored_instead(shown: Picture | Cutout, kind: str, scale: int) -> str:
    """What is there already, with a word to the workers. Raises Http404 where nothing is."""
    tasks.ask_for(shown)
    # A worker in this very process has made it by now.
    name = stored_rendition(shown, kind, scale) or stored_rendition(shown, kind, 1)
    if name is None:
        raise Http404("This picture is being made; ask again in a moment.")
    return name
