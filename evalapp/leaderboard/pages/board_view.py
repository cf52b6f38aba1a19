"""One look at a study's board: each part is read when it is first asked for, and once."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from django.utils.translation import get_language

from evalapp.leaderboard.models import PublishedBoard, Report, Snapshot
from evalapp.leaderboard.queries import newest_published, published_boards
from evalapp.leaderboard.services import (
    Acceptance,
    Board,
    BoardSums,
    HeadToHead,
    acceptances_as_stored,
    acceptances_of,
    board_as_published,
    board_of,
    duels_as_published,
    head_to_head,
    stored_sums_of,
)
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

    @property
    def is_live(self) -> bool:
        """Whether everything is of now; while people vote, only operators see that."""
        return self.operator or not self.study.is_open

    @cached_property
    def published(self) -> PublishedBoard | None:
        """What everybody else sees; None before the first step."""
        return newest_published(self.study)

    @property
    def published_at(self) -> datetime | None:
        """Since when what everybody else sees is as it is; None where all is of now, and before the first step."""
        return None if self.is_live or self.published is None else self.published.published_at

    @cached_property
    def sums(self) -> BoardSums:
        """What both the standings and the duels are made of."""
        return stored_sums_of(self.study)

    @cached_property
    def board(self) -> Board:
        """The standings."""
        return board_of(self.study, self.sums) if self.is_live else board_as_published(self.study, self.published)

    @cached_property
    def duels(self) -> HeadToHead:
        """Everybody against everybody."""
        return head_to_head(self.study, self.sums) if self.is_live else duels_as_published(self.study, self.published)

    @cached_property
    def acceptances(self) -> list[Acceptance]:
        """Who would do for somebody who accepts so much less than the best."""
        if self.is_live:
            return acceptances_of(self.study, self.sums, self.board)
        return acceptances_as_stored(self.published.report.get("acceptances", ())) if self.published else []

    @property
    def side_by_side(self) -> dict[str, Any]:
        """What the first and the next answer to the same queries; nothing for those who may still vote on them."""
        return (self.report.get("side_by_side") or {}) if self.shows_pairs else {}

    @cached_property
    def course(self) -> list[Snapshot] | list[PublishedBoard]:
        """The boards that were kept, the oldest first, thinned to what a plot can show."""
        return course_of(self.study) if self.is_live else published_course_of(self.study)

    @cached_property
    def report(self) -> dict[str, Any]:
        """What takes longer than a glance; empty until it was first computed."""
        if not self.is_live:
            return {**self.published.report, "made_at": self.published.published_at} if self.published else {}
        stored = Report.objects.filter(study=self.study).values_list("document", "made_at").first()
        return {**stored[0], "made_at": stored[1]} if stored else {}

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
    numbers = _thin_out(list(Snapshot.objects.filter(study=study).order_by("pk").values_list("pk", flat=True)), most)
    return list(Snapshot.objects.filter(pk__in=numbers).order_by("pk"))


def published_course_of(study: Study, most: int = MOST_MOMENTS) -> list[PublishedBoard]:
    """The same of what was published while people vote."""
    numbers = _thin_out(list(published_boards(study).order_by("pk").values_list("pk", flat=True)), most)
    return list(published_boards(study).filter(pk__in=numbers).order_by("pk"))


def _thin_out(numbers: list[int], most: int) -> list[int]:
    if len(numbers) <= most:
        return numbers
    return [numbers[round(index * (len(numbers) - 1) / (most - 1))] for index in range(most)]
