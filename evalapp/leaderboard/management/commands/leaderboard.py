"""`manage.py leaderboard STUDY [--json]`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from evalapp.core.management.command_base import Command as BaseCommand
from evalapp.core.management.command_base import CommandParser
from evalapp.leaderboard.services import Board, Decision, Standing, board_of, document_of, rebuild_sums, update_sums
from evalapp.plots.plot_texts import ENGLISH
from evalapp.studies.queries.study_reads import study_by_slug


class Command(BaseCommand):
    help = "Print the standings of a study, best first."
    offers_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("study", help="the study's slug")
        parser.add_argument("--rebuild", action="store_true", help="add all votes anew instead of what came since")

    def run(self, **options: Any) -> dict[str, Any]:
        study = study_by_slug(options["study"])
        if options["rebuild"]:
            rebuild_sums(study)
        else:
            update_sums(study)
        board = board_of(study)
        document = document_of(study, board)
        for line in [*_board_lines(board), *_score_lines(document["offline"])]:
            self.say(line)
        return document


def _board_lines(board: Board) -> list[str]:
    rows = [
        ("ranks", "contender", "approval", "95 % interval", "votes"),
        *(_standing_cells(line) for line in board.standings),
    ]
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = ["  ".join(_pad_cells(row, widths)) for row in rows]
    voters = f"{board.voters} voter{'' if board.voters == 1 else 's'}"
    simulated = f", {board.simulated} of them simulated" if board.simulated else ""
    rehearsal = ["REHEARSAL: votes of a simulated crowd are among these.", ""] if board.is_rehearsal else []
    return [
        *rehearsal,
        f"{board.study}: {board.votes} votes of {voters}{simulated}",
        "",
        *lines,
        "",
        _decision_line(board),
    ]


def _score_lines(offline: list[dict[str, Any]]) -> Iterator[str]:
    """How each automatic score orders the contenders, and how far people agree."""
    for score in offline:
        value = score["correlation"]["value"]
        agree = "no correlation" if value is None else f"rank correlation with approval {value:.2f}"
        order = ", ".join(
            f"{point['rank']}. {point['contender']} {_share_text(point['value'])}" for point in score["points"]
        )
        yield f"{score['label']}: {order} ({agree})."


def _pad_cells(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    """Cells of even width: names to the left, numbers to the right."""
    return [
        f"{cell:<{width}}" if place == 1 else f"{cell:>{width}}"
        for place, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]


def _standing_cells(line: Standing) -> tuple[str, str, str, str, str]:
    ranks = (
        "-"
        if line.rank_best is None
        else str(line.rank_best)
        if line.rank_best == line.rank_worst
        else f"{line.rank_best}-{line.rank_worst}"
    )
    share = "no votes" if line.approval is None else _share_text(line.approval)
    return (
        ranks,
        line.contender,
        share,
        f"{_share_text(line.low)} to {_share_text(line.high)}",
        str(line.votes),
    )


def _decision_line(board: Board) -> str:
    decision = board.decision
    if decision.winner is None:
        return f"Not decided yet: {_reason_text(decision)}"
    near = f" or at most {100 * decision.margin:g} points below it" if decision.kind == "within_margin" else ""
    risk = ENGLISH.share(decision.delta)
    return f"Decided: {decision.winner} is the best{near}, with a risk of error of at most {risk}."


def _reason_text(decision: Decision) -> str:
    """Which condition is not met, and how many more votes are likely to meet it."""
    if decision.reason == "rehearsal":
        would = f"would name {decision.leader}" if decision.kind else f"put {decision.leader} in front"
        return f"simulated votes decide nothing; they {would}. End it: python manage.py end_rehearsal STUDY"
    missing = decision.missing
    first = missing.rivals[0] if missing.rivals else ""
    more = f" About {missing.votes:,} more votes." if missing.votes else ""
    return {
        "no_votes": "nobody has voted.",
        "too_few_contenders": "one contender alone cannot win.",
        "too_few_voters": f"{missing.voters} more people have to vote.",
        "not_compared": f"{first} has not been compared with {decision.leader} yet.",
        "too_few_heavy": f"the votes speak for {decision.leader}, but a few people cast most of them.",
    }.get(decision.reason, f"{decision.leader} leads, {first} is not beaten.{more}")


def _share_text(value: float) -> str:
    return ENGLISH.share(value, 1)
