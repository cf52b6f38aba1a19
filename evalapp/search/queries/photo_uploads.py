"""Photos that come in: held in memory, never in a file, and only as large as is needed."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from typing import Any, TypeVar

from django.conf import settings
from django.core.files.uploadhandler import MemoryFileUploadHandler
from django.http import HttpRequest, HttpResponse

from evalapp.search.domain.search_problems import NotAPicture, TooLarge
from models_registry.pictures import BadPicture, open_rgb

View = TypeVar("View", bound=Callable[..., HttpResponse])

_FORM_BYTES = 64 * 1024
_SMALL = (256, 256)


class InMemoryOnly(MemoryFileUploadHandler):
    """Django would write a large upload to a temporary file; this keeps it in memory and refuses what is larger."""

    def handle_raw_input(
        self,
        input_data: Any,
        META: dict[str, str],  # noqa: N803 - Django's own name
        content_length: int,
        boundary: str,
        encoding: str | None = None,
    ) -> None:
        self.activated = True
        if content_length > most_bytes() + _FORM_BYTES:
            raise too_large()


def keep_in_memory(request: HttpRequest) -> None:
    """Call before anything of the request's body is read."""
    request.upload_handlers = [InMemoryOnly(request)]


def held_in_memory(view: View) -> View:
    """A page whose photos are held in memory: outermost, so that whoever reads the form first finds it."""
    view.before_form = keep_in_memory  # type: ignore[attr-defined]
    return view


def small_picture(data: bytes) -> str:
    """The photo made small as a `data:` address, to be shown once beside its answers; raises NotAPicture."""
    try:
        image = open_rgb(data, max_pixels=settings.SEARCH_PHOTO_MEGAPIXELS * 1_000_000, draft=_SMALL)
    except BadPicture as fault:
        raise NotAPicture(str(fault)) from fault
    image.thumbnail(_SMALL)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=80)
    return f"data:image/jpeg;base64,{base64.b64encode(out.getvalue()).decode()}"


def most_bytes() -> int:
    """The most bytes of a photo."""
    return int(settings.SEARCH_PHOTO_MB) * 1_048_576


def too_large() -> TooLarge:
    """The problem with a larger one."""
    message = f"The photo has more than {settings.SEARCH_PHOTO_MB} MB, the limit."
    return TooLarge(message, fields={"photo": [message]})
