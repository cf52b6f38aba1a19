"""Addresses of pages."""

from __future__ import annotations

from django.urls import URLPattern, path

from evalapp.leaderboard.pages import board, history, keep, planner, wall

urlpatterns: list[URLPattern] = [
    path("method/", board.show_method, name="board-method"),
    path("leaderboard/<slug:slug>/", board.show_board, name="leaderboard"),
    path("leaderboard/<slug:slug>/letter/", board.show_letter, name="board-letter"),
    path("leaderboard/<slug:slug>/wall/", wall.show_wall, name="board-wall"),
    path("leaderboard/<slug:slug>/plots/<slug:name>.svg", board.download_plot, name="board-plot"),
    path("leaderboard/<slug:slug>/tables/<slug:name>.csv", board.download_table, name="board-table"),
    path("leaderboard/<slug:slug>/history/", history.show_history, name="board-history"),
    path("leaderboard/<slug:slug>/history/<int:number>/", history.show_snapshot, name="board-snapshot"),
    path("leaderboard/<slug:slug>/history/declare/", history.declare_moment, name="board-declare"),
    path("leaderboard/<slug:slug>/history/keep/", keep.keep_snapshot, name="board-keep"),
    path("leaderboard/<slug:slug>/plan/", planner.show_plan, name="board-plan"),
]
