"""Addresses under /api/v1/."""

from __future__ import annotations

from django.urls import URLPattern, path

from evalapp.voting import imports_api
from evalapp.voting.api import decks, own, votes

urlpatterns: list[URLPattern] = [
    path("studies/<slug:slug>/deck/", decks.DeckApi.as_view(), name="api-deck"),
    path("studies/<slug:slug>/yours/", own.YoursApi.as_view(), name="api-yours"),
    path("studies/<slug:slug>/import/votes/", imports_api.ImportVotesApi.as_view(), name="api-import-votes"),
    path("studies/<slug:slug>/import/answers/", imports_api.ImportAnswersApi.as_view(), name="api-import-answers"),
    path("votes/", votes.VotesApi.as_view(), name="api-votes"),
    path("votes/undo/", own.UndoApi.as_view(), name="api-undo"),
    path("me/forget/", own.ForgetApi.as_view(), name="api-forget"),
]
