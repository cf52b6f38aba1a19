"""Addresses of pages."""

from __future__ import annotations

from django.contrib.admin.views.decorators import staff_member_required
from django.contrib.auth.views import LogoutView
from django.urls import URLPattern, path

from evalapp.voting.pages import imports, offline_app, play, play_links, sign_in, simulated, voters

urlpatterns: list[URLPattern] = [
    path("play/<slug:slug>/", play.play_page, name="play"),
    path("play/<slug:slug>/qr.svg", play_links.study_code, name="play-qr"),
    path("play/<slug:slug>/poster/", play_links.poster_page, name="play-poster"),
    path("privacy/", play.privacy_page, name="privacy"),
    path("privacy/forget/", play.forget_visitor, name="forget"),
    path("sign-in/", sign_in.SignIn.as_view(), name="sign-in"),
    path("sign-out/", LogoutView.as_view(), name="sign-out"),
    path("admin/login/", sign_in.from_admin),
    path("lab/password/", staff_member_required(sign_in.ChangePassword.as_view()), name="password"),
    path("lab/studies/<slug:slug>/voters/", voters.voters_page, name="lab-voters"),
    path("lab/studies/<slug:slug>/voters/<uuid:voter_id>/block/", voters.change_block, name="voter-block"),
    path("lab/studies/<slug:slug>/rehearsal/", voters.finish_rehearsal, name="lab-end-rehearsal"),
    path("lab/studies/<slug:slug>/invite/", play_links.invite_page, name="lab-invite"),
    path("lab/studies/<slug:slug>/qr.svg", play_links.code_for_operators, name="lab-qr"),
    path("lab/studies/<slug:slug>/simulate/", simulated.simulate_crowd, name="lab-study-simulate"),
    path("lab/studies/<slug:slug>/import/", imports.imports_page, name="lab-import"),
    path("lab/studies/<slug:slug>/import/votes/", imports.take_votes, name="lab-import-votes"),
    path("lab/studies/<slug:slug>/import/answers/", imports.take_answers, name="lab-import-answers"),
    path("service-worker.js", offline_app.service_worker, name="service-worker"),
    path("manifest.webmanifest", offline_app.web_manifest, name="manifest"),
]
