"""Addresses of pages."""

from __future__ import annotations

from django.urls import URLPattern, path

from evalapp.voting import import_pages, lab_pages, offline, pages

urlpatterns: list[URLPattern] = [
    path("play/<slug:slug>/", pages.play, name="play"),
    path("privacy/", pages.privacy, name="privacy"),
    path("privacy/forget/", pages.forget, name="forget"),
    path("lab/studies/<slug:slug>/voters/", lab_pages.voters, name="lab-voters"),
    path("lab/studies/<slug:slug>/voters/<uuid:voter_id>/block/", lab_pages.block, name="voter-block"),
    path("lab/studies/<slug:slug>/invite/", lab_pages.invite, name="lab-invite"),
    path("lab/studies/<slug:slug>/qr.svg", lab_pages.qr_code, name="lab-qr"),
    path("lab/studies/<slug:slug>/import/", import_pages.imports, name="lab-import"),
    path("lab/studies/<slug:slug>/import/votes/", import_pages.votes, name="lab-import-votes"),
    path("lab/studies/<slug:slug>/import/answers/", import_pages.answers, name="lab-import-answers"),
    path("service-worker.js", offline.service_worker, name="service-worker"),
    path("manifest.webmanifest", offline.manifest, name="manifest"),
]
