"""All addresses."""

from __future__ import annotations

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from drf_spectacular.views import SpectacularSwaggerView

from evalapp.core.api.schema import SchemaView

handler400 = "evalapp.core.pages.error_pages.bad_request"
handler403 = "evalapp.core.pages.error_pages.forbidden"
handler404 = "evalapp.core.pages.error_pages.not_found"
handler500 = "evalapp.core.pages.error_pages.server_error"

urlpatterns: list[URLPattern | URLResolver] = [
    # /api/v1/
    # What crowds ask for is looked for first.
    path("api/v1/", include("evalapp.voting.api_urls")),
    path("api/v1/", include("evalapp.studies.api_urls")),
    path("api/v1/", include("evalapp.leaderboard.api_urls")),
    path("api/v1/", include("evalapp.catalog.api_urls")),
    path("api/v1/", include("evalapp.contenders.api_urls")),
    path("api/v1/", include("evalapp.search.api_urls")),
    path("api/v1/", include("evalapp.training.api_urls")),
    path("api/v1/", include("evalapp.exports.api_urls")),
    path("api/v1/", include("evalapp.webhooks.api_urls")),
    path("api/v1/", include("evalapp.core.api_urls")),
    # /api/
    path("api/schema/", SchemaView.as_view(), name="schema"),
    path("api/docs/", SpectacularSwaggerView.as_view(url_name="schema"), name="docs"),
    # Pages
    path("", include("evalapp.studies.urls")),
    path("", include("evalapp.voting.urls")),
    path("", include("evalapp.leaderboard.urls")),
    path("", include("evalapp.catalog.urls")),
    path("", include("evalapp.contenders.urls")),
    path("", include("evalapp.search.urls")),
    path("", include("evalapp.training.urls")),
    path("", include("evalapp.exports.urls")),
    path("", include("evalapp.webhooks.urls")),
    path("", include("evalapp.core.urls")),
    path("admin/", admin.site.urls),
]
