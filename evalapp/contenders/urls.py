"""Addresses of pages."""

from __future__ import annotations

from django.urls import URLPattern, path

from evalapp.contenders import map_pages, pages

urlpatterns: list[URLPattern] = [
    path("lab/models/", pages.models, name="lab-models"),
    path("lab/maps/", map_pages.maps, name="lab-maps"),
    path("lab/maps/new/", map_pages.new_map, name="lab-map-new"),
    path("lab/maps/<int:map_id>/", map_pages.one_map, name="lab-map"),
    path("lab/maps/<int:map_id>/points.json", map_pages.points, name="lab-map-points"),
]
