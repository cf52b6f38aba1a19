"""The numbers of the board."""

from evalapp.leaderboard.domain.results import Board, Decision, Duel, HeadToHead, Missing, Sampling, SetAside, Standing
from evalapp.leaderboard.services.board import BoardSums, board_of, head_to_head, set_aside_of, stored_sums_of
from evalapp.leaderboard.services.forecast import (
    Acceptance,
    Outlook,
    acceptances_as_stored,
    acceptances_of,
    outlook_of,
)
from evalapp.leaderboard.services.next_design import refresh_board
from evalapp.leaderboard.services.published_board import (
    board_as_published,
    duels_as_published,
    publish_if_due,
)
from evalapp.leaderboard.services.reports.offline import document_of
from evalapp.leaderboard.services.reports.refresh import refresh_report
from evalapp.leaderboard.services.reports.trust import agreement_report, robustness_report
from evalapp.leaderboard.services.snapshots import (
    declare_snapshot,
    keep_appointments,
    snapshot_if_due,
    take_snapshot,
)
from evalapp.leaderboard.services.sums.accumulate import rebuild_sums, update_sums

__all__ = [
    "Acceptance",
    "Board",
    "BoardSums",
    "Decision",
    "Duel",
    "HeadToHead",
    "Missing",
    "Outlook",
    "Sampling",
    "SetAside",
    "Standing",
    "acceptances_as_stored",
    "acceptances_of",
    "agreement_report",
    "board_as_published",
    "board_of",
    "declare_snapshot",
    "document_of",
    "duels_as_published",
    "head_to_head",
    "keep_appointments",
    "outlook_of",
    "publish_if_due",
    "rebuild_sums",
    "refresh_board",
    "refresh_report",
    "robustness_report",
    "set_aside_of",
    "snapshot_if_due",
    "stored_sums_of",
    "take_snapshot",
    "update_sums",
]
