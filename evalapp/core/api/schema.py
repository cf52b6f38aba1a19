"""The API described for programs, at `/api/schema/`."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.utils.translation import get_language
from drf_spectacular.views import SpectacularAPIView
from rest_framework.request import Request

_texts: dict[tuple[str, str | None], tuple[str | bytes, str]] = {}


class SchemaView(SpectacularAPIView):
    """Made once per process, form and language: making it takes seconds of a core, and anybody may ask."""

    def get(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        """The text of before; it changes with the software only."""
        asked_language = request.GET.get("lang", "")
        language = asked_language if asked_language in dict(settings.LANGUAGES) else get_language()
        # By the renderer's own words: those of the request have no end of parameters.
        renderer = request.accepted_renderer
        key = (renderer.media_type, language)
        if key not in _texts:
            response = super().get(request, *args, **kwargs)  # type: ignore[no-untyped-call]
            text = renderer.render(response.data, renderer.media_type, self.get_renderer_context())
            _texts[key] = (text, str(response["Content-Disposition"]))
        text, disposition = _texts[key]
        return HttpResponse(text, content_type=renderer.media_type, headers={"Content-Disposition": disposition})

    def _get_version_parameter(self, request: Request) -> None:
        """None of several: the one version is in the addresses."""
