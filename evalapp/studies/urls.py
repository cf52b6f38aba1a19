"""Addresses of pages."""

from __future__ import annotations

from django.urls import path

from evalapp.studies import lab, pages, pair_pages

urlpatterns = [
    path("", pages.home, name="home"),
    path("lab/", pages.lab, name="lab"),
    path("lab/studies/new/", lab.new_study, name="lab-study-new"),
    path("lab/studies/<slug:slug>/", lab.study, name="lab-study"),
    path("lab/studies/<slug:slug>/precompute/", lab.precompute, name="lab-study-precompute"),
    path("lab/studies/<slug:slug>/round/", lab.start_round, name="lab-study-round"),
    path("lab/studies/<slug:slug>/open/", lab.open_study, name="lab-study-open"),
    path("lab/studies/<slug:slug>/close/", lab.close_study, name="lab-study-close"),
    path("lab/studies/<slug:slug>/change/", lab.change_study, name="lab-study-change"),
    path("lab/studies/<slug:slug>/archive/", lab.archive_contender, name="lab-study-archive"),
    path("lab/studies/<slug:slug>/examples/", pair_pages.examples, name="lab-study-examples"),
    path("lab/studies/<slug:slug>/flags/", pair_pages.flags, name="lab-study-flags"),
    path("lab/studies/<slug:slug>/flags/change/", pair_pages.change_flag, name="lab-study-flag"),
    path("lab/studies/<slug:slug>/robustness/", pair_pages.robustness, name="lab-study-robustness"),
    path("lab/studies/<slug:slug>/robustness/measure/", pair_pages.measure, name="lab-study-measure"),
]
