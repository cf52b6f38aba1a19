"""Addresses under /api/v1/."""

from __future__ import annotations

from django.urls import path

from evalapp.contenders import api

urlpatterns = [
    path("models/", api.ModelsApi.as_view(), name="api-models"),
]
