"""Addresses of pages."""

from __future__ import annotations

from django.urls import path

from evalapp.studies import pages

urlpatterns = [
    path("", pages.home, name="home"),
    path("lab/", pages.lab, name="lab"),
]
