"""Addresses of pages."""

from __future__ import annotations

from django.urls import path

from evalapp.studies.pages import home, pairs, rounds, start, study

urlpatterns = [
    path("", home.home_page, name="home"),
    path("lab/", home.lab_page, name="lab"),
    path("lab/start/", start.start_page, name="lab-start"),
    path("lab/start/<int:start_id>/", start.one_start, name="lab-start-one"),
    path("lab/studies/new/", study.new_study, name="lab-study-new"),
    path("lab/studies/<slug:slug>/", study.study_page, name="lab-study"),
    path("lab/studies/<slug:slug>/precompute/", study.precompute_study, name="lab-study-precompute"),
    path("lab/studies/<slug:slug>/round/", rounds.start_round, name="lab-study-round"),
    path("lab/studies/<slug:slug>/triplets/", rounds.propose_triplets, name="lab-study-triplets"),
    path("lab/studies/<slug:slug>/copy/", rounds.copy_study, name="lab-study-copy"),
    path("lab/studies/<slug:slug>/put-away/", rounds.put_away, name="lab-study-put-away"),
    path("lab/studies/<slug:slug>/shown-first/", rounds.shown_first, name="lab-study-shown-first"),
    path("lab/studies/<slug:slug>/open/", study.open_study, name="lab-study-open"),
    path("lab/studies/<slug:slug>/close/", study.close_study, name="lab-study-close"),
    path("lab/studies/<slug:slug>/change/", study.change_study, name="lab-study-change"),
    path("lab/studies/<slug:slug>/archive/", study.archive_contender, name="lab-study-archive"),
    path("lab/studies/<slug:slug>/examples/", pairs.examples_page, name="lab-study-examples"),
    path("lab/studies/<slug:slug>/flags/", pairs.flags_page, name="lab-study-flags"),
    path("lab/studies/<slug:slug>/flags/change/", pairs.change_flag, name="lab-study-flag"),
    path("lab/studies/<slug:slug>/flags/lift/", pairs.lift_reports, name="lab-study-lift"),
    path("lab/studies/<slug:slug>/robustness/", pairs.robustness_page, name="lab-study-robustness"),
    path("lab/studies/<slug:slug>/robustness/measure/", pairs.measure_robustness, name="lab-study-measure"),
]
