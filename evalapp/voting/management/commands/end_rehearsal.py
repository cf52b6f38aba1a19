"""`manage.py end_rehearsal STUDY`."""

from __future__ import annotations

from typing import Any

from evalapp.core.management.command_base import Command as BaseCommand
from evalapp.core.management.command_base import CommandParser
from evalapp.studies.queries.study_reads import study_by_slug
from evalapp.voting.services.voters import end_rehearsal


class Command(BaseCommand):
    help = "Set the votes of simulated crowds aside: from then on only people's count."
    offers_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("study", help="the study's slug")

    def run(self, **options: Any) -> dict[str, Any]:
        study = study_by_slug(options["study"])
        votes = end_rehearsal(study)
        self.say(f"{votes:,} simulated votes are set aside; they stay in the records.")
        return {"study": study.slug, "votes": votes}
