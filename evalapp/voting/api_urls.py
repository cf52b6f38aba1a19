"""Addresses under /api/v1/."""

from __future__ import annotations

from django.urls import URLPattern, path

from evalapp.voting.api import decks, imports, my_votes, rehearsals, simulated, voters, votes

urlpatterns: list[URLPattern] = [
    path("studies/<slug:slug>/deck/", decks.DeckApi.as_view(), name="api-deck"),
    path("studies/<slug:slug>/yours/", my_votes.YoursApi.as_view(), name="api-yours"),
    path("studies/<slug:slug>/voters/", voters.VotersApi.as_view(), name="api-voters"),
    path("studies/<slug:slug>/voters/<uuid:voter>/block/", voters.BlockVoterApi.as_view(), name="api-voter-block"),
    path(
        "studies/<slug:slug>/voters/<uuid:voter>/unblock/", voters.UnblockVoterApi.as_view(), name="api-voter-unblock"
    ),
    path("studies/<slug:slug>/import/votes/", imports.ImportVotesApi.as_view(), name="api-import-votes"),
    path("studies/<slug:slug>/import/answers/", imports.ImportAnswersApi.as_view(), name="api-import-answers"),
    path("studies/<slug:slug>/rehearsal/", rehearsals.RehearsalApi.as_view(), name="api-rehearsal"),
    path("studies/<slug:slug>/simulated-votes/", simulated.SimulatedVotesApi.as_view(), name="api-simulated-votes"),
    path("votes/", votes.VotesApi.as_view(), name="api-votes"),
    path("votes/undo/", my_votes.UndoApi.as_view(), name="api-undo"),
    path("me/forget/", my_votes.ForgetApi.as_view(), name="api-forget"),
]
