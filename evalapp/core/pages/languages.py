"""The language of pages for visitors: as the browser wishes, or as the visitor chose, which a cookie remembers."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.middleware.locale import LocaleMiddleware
from django.shortcuts import redirect
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from evalapp.core.pages.links_to_send import way_back

_ENGLISH = ("/lab/", "/admin/")
"""What operators see is written in English."""
_WORDLESS = ("/pictures/", "/healthz", "/livez", "/readyz", "/service-worker.js")
"""Answers without words must not vary by language: caches would keep them once for each."""


class VisitorsLanguage(LocaleMiddleware):
    """Django's choice of the language, for pages of visitors."""

    def process_request(self, request: HttpRequest) -> None:
        if not request.path_info.startswith(_ENGLISH + _WORDLESS):
            super().process_request(request)
            return
        translation.activate("en")
        request.LANGUAGE_CODE = "en"

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if request.path_info.startswith(_WORDLESS):
            return response
        # Django says that the language follows the browser's wish; here the visitor's choice comes before it.
        patch_vary_headers(response, ["Cookie"])
        return super().process_response(request, response)


# Whoever makes a stranger's browser send this changes the language of its pages, and nothing else.
@csrf_exempt
@require_POST
def choose_language(request: HttpRequest) -> HttpResponse:
    """Remember the language, and back to where it was chosen."""
    response = redirect(way_back(request) or "home")
    code = request.POST.get("language", "")
    if code in dict(settings.LANGUAGES):
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME,
            code,
            max_age=settings.LANGUAGE_COOKIE_AGE,
            samesite="Lax",
            httponly=True,
            secure=settings.HTTPS,
        )
    return response
