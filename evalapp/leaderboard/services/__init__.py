"""The numbers of the board."""

from evalapp.leaderboard.services.boards import board_of, head_to_head, set_aside_of
from evalapp.leaderboard.services.crediting import rebuild_sums, update_sums
from evalapp.leaderboard.services.numbers import Board, Decision, Duel, HeadToHead, Sampling, SetAside, Standing
from evalapp.leaderboard.services.outlook import Outlook, outlook_of
from evalapp.leaderboard.services.publishing import refresh_board
from evalapp.leaderboard.services.quality import agreement_report, robustness_report
from evalapp.leaderboard.services.reports import refresh_report
from evalapp.leaderboard.services.snapshots import (
    declare_snapshot,
    keep_appointments,
    snapshot_if_due,
    take_snapshot,
)

__all__ = [
    "Board",
    "Decision",
    "Duel",
    "HeadToHead",
    "Outlook",
    "Sampling",
    "SetAside",
    "Standing",
    "agreement_report",
    "board_of",
    "declare_snapshot",
    "head_to_head",
    "keep_appointments",
    "outlook_of",
    "rebuild_sums",
    "refresh_board",
    "refresh_report",
    "robustness_report",
    "set_aside_of",
    "snapshot_if_due",
    "take_snapshot",
    "update_sums",
]
