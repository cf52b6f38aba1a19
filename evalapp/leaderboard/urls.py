"""Addresses of pages."""

from __future__ import annotations

from django.urls import URLPattern, path

from evalapp.leaderboard.pages import board, history, keep, planner, wall

urlpatterns: list[URLPattern] = [
    path("method/", board.method, name="board-method"),
    path("leaderboard/<slug:slug>/", board.leaderboard, name="leaderboard"),
    path("leaderboard/<slug:slug>/letter/", board.letter, name="board-letter"),
    path("leaderboard/<slug:slug>/wall/", wall.wall, name="board-wall"),
    path("leaderboard/<slug:slug>/plots/<slug:name>.svg", board.plot, name="board-plot"),
    path("leaderboard/<slug:slug>/tables/<slug:name>.csv", board.table, name="board-table"),
    path("leaderboard/<slug:slug>/history/", history.history, name="board-history"),
    path("leaderboard/<slug:slug>/history/<int:number>/", history.snapshot, name="board-snapshot"),
    path("leaderboard/<slug:slug>/history/declare/", history.declare, name="board-declare"),
    path("leaderboard/<slug:slug>/history/keep/", keep.keep, name="board-keep"),
    path("leaderboard/<slug:slug>/plan/", planner.plan, name="board-plan"),
]
