"""The numbers of the board."""

from evalapp.leaderboard.services.boards import board_of, head_to_head, set_aside_of
from evalapp.leaderboard.services.numbers import Board, Decision, Duel, HeadToHead, Sampling, SetAside, Standing

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
    "set_aside_of",
]
