from __future__ import annotations

from django.urls import URLPattern, path

from evalapp.catalog import pages

urlpatterns: list[URLPattern] = [
    path("pictures/<str:public_id>.webp", pages.picture, name="picture"),
    path("lab/catalogues/", pages.catalogues, name="lab-catalogues"),
]
