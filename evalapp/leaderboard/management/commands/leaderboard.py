"""`manage.py leaderboard STUDY [--json]`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from evalapp.core.commands import Command as BaseCommand
from evalapp.core.commands import CommandParser
from evalapp.leaderboard.services import Board, Standing, board_of
from evalapp.studies.queries import study_by_slug


class Command(BaseCommand):
    help = "Print the standings of a study, best first."
    offers_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("study", help="the study's slug")
        parser.add_argument("--rebuild", action="store_true", help="add all votes anew instead of what came since")

    def run(self, **options: Any) -> dict[str, Any]:
        study = study_by_slug(options["study"])
        board = board_of(study, rebuild=options["rebuild"])
        for line in _table(board):
            self.say(line)
        return board.as_json()


def _table(board: Board) -> list[str]:
    rows = [("ranks", "contender", "approval", "95 % interval", "votes"), *(_row(line) for line in board.standings)]
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = ["  ".join(_fitted(row, widths)) for row in rows]
    voters = f"{board.voters} voter{'' if board.voters == 1 else 's'}"
    simulated = f", {board.simulated} of them simulated" if board.simulated else ""
    return [f"{board.study}: {board.votes} votes of {voters}{simulated}", "", *lines, "", _verdict(board)]


def _fitted(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    """Cells of even width: names to the left, numbers to the right."""
    return [
        f"{cell:<{width}}" if place == 1 else f"{cell:>{width}}"
        for place, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]


def _row(line: Standing) -> tuple[str, str, str, str, str]:
    ranks = (
        "-"
        if line.rank_best is None
        else str(line.rank_best)
        if line.rank_best == line.rank_worst
        else f"{line.rank_best}-{line.rank_worst}"
    )
    share = "no votes" if line.approval is None else f"{line.approval:.1%}"
    return ranks, line.contender, share, f"{line.low:.1%} to {line.high:.1%}", str(line.votes)


def _verdict(board: Board) -> str:
    if board.decision.winner is None:
        return "Not decided yet: more votes are needed."
    return f"Decided: {board.decision.winner} is the best, with a risk of error of at most {board.decision.delta:.0%}."
