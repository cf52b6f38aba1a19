"""What makes the play page usable without network and installable: the service worker and the manifest."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.templatetags.static import static
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from evalapp.core.domain.script_modules import bundle_path, bundled_script, needed_by
from evalapp.core.domain.style_sheets import sheet_path
from evalapp.core.services.static_files import has_bundle

_PAGE, _WORKER = "pages/play", "workers/service"


@require_safe
@cache_control(no_cache=True)
def service_worker(_request: HttpRequest) -> HttpResponse:
    """The worker's script; its place at the root lets it speak for every page. Browsers ask for it anew by themselves,
    and take a new one whenever a byte of it, or the hashed name of a file it keeps, has changed."""
    return HttpResponse(_worker_script(), content_type="text/javascript; charset=utf-8")


@require_safe
@cache_control(public=True, max_age=3600)
def web_manifest(_request: HttpRequest) -> HttpResponse:
    """The web app manifest: the product can be put on a home screen."""
    document: dict[str, Any] = {
        "name": "Dope or Nope",
        "short_name": "Dope or Nope",
        "description": _("Two pictures. Dope or nope?"),
        "start_url": reverse("home"),
        "scope": "/",
        "display": "standalone",
        "background_color": "#fff3dc",
        "theme_color": "#fff3dc",
        "icons": [
            {"src": static("img/mark.svg"), "sizes": "any", "type": "image/svg+xml", "purpose": "any"},
            {"src": static("img/icon-512.png"), "sizes": "512x512", "type": "image/png", "purpose": "any maskable"},
            {"src": static("img/icon-192.png"), "sizes": "192x192", "type": "image/png", "purpose": "any maskable"},
        ],
    }
    return HttpResponse(json.dumps(document), content_type="application/manifest+json")


def _worker_script() -> str:
    code, files = bundled_script(_WORKER), _shell_files()
    version = hashlib.sha256("\n".join([code, *files]).encode()).hexdigest()[:12]
    shell = {"version": version, "files": files, "votesUrl": reverse("api-votes")}
    return f"self.shell = {json.dumps(shell)};\n{code}"


def _shell_files() -> list[str]:
    """The addresses of all that the play page is made of."""
    page = _PAGE.removeprefix("pages/")
    if has_bundle(bundle_path(page)):
        return [static(path) for path in (sheet_path(page), bundle_path(page), "img/mark.svg")]
    scripts = [f"js/{name}.js" for name in (_PAGE, *needed_by(_PAGE))]
    return [static(path) for path in (*_style_sheets(), *scripts, "img/mark.svg")]


@cache
def _style_sheets() -> tuple[str, ...]:
    """Every style sheet, by its path."""
    roots = [Path(folder) for folder in settings.STATICFILES_DIRS]
    return tuple(path.relative_to(root).as_posix() for root in roots for path in sorted((root / "css").rglob("*.css")))
