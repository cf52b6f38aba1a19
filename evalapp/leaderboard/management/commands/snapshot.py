"""`manage.py snapshot STUDY [--at MOMENT]`."""

from __future__ import annotations

from typing import Any

from evalapp.core.domain.values.moments import coming_moment
from evalapp.core.management.command_base import Command as BaseCommand
from evalapp.core.management.command_base import CommandParser
from evalapp.leaderboard.services import declare_snapshot, refresh_report, take_snapshot
from evalapp.studies.queries.study_reads import study_by_slug


class Command(BaseCommand):
    help = "Keep the board as it is now and renew its report, or declare a snapshot for a moment to come."
    offers_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("study")
        parser.add_argument("--at", metavar="MOMENT", help="such as 2031-05-17T12:00, in UTC; declared beforehand")

    def run(self, **options: Any) -> Any:
        study = study_by_slug(options["study"])
        if options["at"]:
            promised = declare_snapshot(study, coming_moment(options["at"]))
            self.say(f"A snapshot of {study} is declared for {promised.due_at:%Y-%m-%d %H:%M} UTC.")
            return {"study": study.slug, "due_at": promised.due_at.isoformat()}
        snapshot = take_snapshot(study)
        refresh_report(study)
        self.say(
            f"The board of {study} after {snapshot.votes:,} votes is kept: /leaderboard/{study}/history/{snapshot.pk}/"
        )
        return {
            "study": study.slug,
            "snapshot": snapshot.pk,
            "votes": snapshot.votes,
            "made_at": snapshot.made_at.isoformat(),
        }
