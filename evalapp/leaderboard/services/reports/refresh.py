"""The report of a study: what takes longer than a glance, computed when its votes have changed."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from evalapp.leaderboard.domain.results import Board
from evalapp.leaderboard.models import Report
from evalapp.leaderboard.services.board import board_of
from evalapp.leaderboard.services.reports.categories import categories_of
from evalapp.leaderboard.services.reports.examples import examples_of, side_by_side_of
from evalapp.leaderboard.services.reports.offline import offline_of
from evalapp.leaderboard.services.reports.sampling import sampling_of
from evalapp.leaderboard.services.reports.strengths import strengths_of
from evalapp.leaderboard.services.reports.trust import agreement_report, robustness_report
from evalapp.leaderboard.services.sums.accumulate import update_sums
from evalapp.studies.models import Evaluation, Study

_FORM = "6"
"""Changes when the document gets other parts, so that each study's is made anew."""


def refresh_report(study: Study) -> bool:
    """Compute the report anew if anything it depends on has changed; whether it has."""
    update_sums(study)
    board = board_of(study)
    version = _report_version(study, board)
    if Report.objects.filter(study=study, version=version).exists():
        return False
    defaults = {"document": _report_document(study, board), "version": version, "made_at": timezone.now()}
    Report.objects.update_or_create(study=study, defaults=defaults)
    return True


def _report_version(study: Study, board: Board) -> str:
    scored = Evaluation.objects.filter(study=study).values_list("made_at", flat=True).first()
    racing = sum(line.is_rival for line in board.standings)
    parts = (
        _FORM,
        board.method,
        board.votes,
        racing,
        board.set_aside.votes,
        study.state,
        scored.isoformat() if scored else "",
    )
    return "/".join(str(part) for part in parts)[:64]


def _report_document(study: Study, board: Board) -> dict[str, Any]:
    return {
        "votes": board.votes,
        "strengths": strengths_of(study),
        "categories": categories_of(study),
        "offline": offline_of(study, board),
        "examples": examples_of(study, board),
        "side_by_side": side_by_side_of(study, board),
        "sampling": sampling_of(study, board),
        "agreement": agreement_report(study),
        "robustness": robustness_report(study, board),
    }
