"""Addresses of pages."""

from __future__ import annotations

from django.urls import URLPattern, path

from evalapp.exports import pages

urlpatterns: list[URLPattern] = [
    path("lab/exports/", pages.list_exports, name="lab-exports"),
    path("lab/exports/add/", pages.add_export, name="export-add"),
    path("lab/exports/<int:export_id>/remove/", pages.remove_export, name="export-remove"),
    path("api/client.py", pages.send_client, name="client"),
    path("exports/<str:link>/", pages.download_export, name="export-download"),
]
