"""The numbers of the board."""

from evalapp.leaderboard.services.boards import board_of, head_to_head, set_aside_of
from evalapp.leaderboard.services.crediting import rebuild_sums, update_sums
from evalapp.leaderboard.services.numbers import Board, Decision, Duel, HeadToHead, Sampling, SetAside, Standing
from evalapp.leaderboard.services.publishing import refresh_board

__all__ = [
    "Board",
    "Decision",
    "Duel",
    "HeadToHead",
    "Sampling",
    "SetAside",
    "Standing",
    "board_of",
    "head_to_head",
    "rebuild_sums",
    "refresh_board",
    "set_aside_of",
    "update_sums",
]
