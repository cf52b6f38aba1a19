"""`manage.py lift_reports STUDY`."""

from __future__ import annotations

from typing import Any

from evalapp.core.management.command_base import Command as BaseCommand
from evalapp.core.management.command_base import CommandParser
from evalapp.studies.queries.study_reads import study_by_slug
from evalapp.studies.services.pair_flags import lift_reports


class Command(BaseCommand):
    help = "Let in all pairs that only voters' reports keep out; what you have settled yourself stays."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("study")

    def run(self, **options: Any) -> None:
        study = study_by_slug(options["study"])
        lifted = lift_reports(study)
        self.say(f"{lifted:,} pair{'' if lifted == 1 else 's'} of {study} in play again.")
