"""One look at a study's board: each part is read when it is first asked for, and once."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.utils.translation import get_language

from evalapp.leaderboard.models import Report, Snapshot
from evalapp.leaderboard.services import Board, HeadToHead, board_of, head_to_head
from evalapp.studies.models import Study

MOST_MOMENTS = 60
"""So many snapshots at most are drawn; the first and the last are always among them."""


@dataclass
class Reading:
    """The parts of the board's pages. `operator`: whether the one who looks may see what voters must not; `score`: the
    automatic score that they want drawn against approval, the first there is if empty."""

    study: Study
    operator: bool = False
    score: str = ""

    @cached_property
    def board(self) -> Board:
        """The standings as of now."""
        return board_of(self.study)

    @cached_property
    def duels(self) -> HeadToHead:
        """Everybody against everybody as of now."""
        return head_to_head(self.study)

    @cached_property
    def course(self) -> list[Snapshot]:
        """The snapshots, the oldest first, thinned to what a plot can show."""
        return course_of(self.study)

    @cached_property
    def report(self) -> dict[str, Any]:
        """What takes longer than a glance; empty until it was first computed."""
        found = Report.objects.filter(study=self.study).values_list("document", "made_at").first()
        return {**found[0], "made_at": found[1]} if found else {}

    @property
    def drawn_score(self) -> dict[str, Any] | None:
        """The automatic score to be drawn; None where labels allow none."""
        scores: list[dict[str, Any]] = (self.report.get("offline") or {}).get("scores") or []
        return next((score for score in scores if score["key"] == self.score), scores[0] if scores else None)

    @property
    def shows_pairs(self) -> bool:
        """Whether pairs may be shown with what others thought of them: never to those who may still vote on them."""
        return self.operator or not self.study.is_open

    def version(self) -> str:
        """A tag that changes whenever anything on the page would, and with its language."""
        parts = (
            get_language(),
            self.board.as_json(),
            self.report.get("made_at"),
            len(self.course),
            self.study.state,
            self.study.board,
            self.study.title,
            self.operator,
            self.score,
        )
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]


def course_of(study: Study, most: int = MOST_MOMENTS) -> list[Snapshot]:
    """The study's snapshots in their order, evenly thinned to `most`."""
    numbers = list(Snapshot.objects.filter(study=study).order_by("pk").values_list("pk", flat=True))
    if len(numbers) > most:
        numbers = [numbers[round(index * (len(numbers) - 1) / (most - 1))] for index in range(most)]
    return list(Snapshot.objects.filter(pk__in=numbers).order_by("pk"))
