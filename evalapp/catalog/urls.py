from __future__ import annotations

from django.urls import URLPattern, path

from evalapp.catalog.pages import catalogues, imports, pictures, review

urlpatterns: list[URLPattern] = [
    path("pictures/<str:public_id>.webp", pictures.show_picture, name="picture"),
    path("pictures/<str:public_id>.jpg", pictures.show_picture, {"kind": "jpg"}, name="picture-jpeg"),
    path("lab/catalogues/", catalogues.list_catalogues, name="lab-catalogues"),
    path("lab/catalogue-new/", imports.new_catalogue, name="lab-catalogue-new"),
    path("lab/catalogues/<slug:slug>/import/", imports.add_pictures, name="lab-catalogue-import"),
    path("lab/catalogues/<slug:slug>/change/", imports.change_catalogue, name="lab-catalogue-change"),
    path("lab/catalogues/<slug:slug>/", catalogues.show_catalogue, name="lab-catalogue"),
    path("lab/catalogues/<slug:slug>/flags/", catalogues.change_flags, name="lab-catalogue-flags"),
    path("lab/catalogues/<slug:slug>/review/", review.show_review, name="lab-review"),
    path("lab/catalogues/<slug:slug>/review/decide/", review.decide_triplet, name="lab-review-decide"),
    path("lab/catalogues/<slug:slug>/review/propose/", review.propose_triplets, name="lab-review-propose"),
]
