"""`manage.py open_study STUDY`."""

from __future__ import annotations

from typing import Any

from evalapp.core.management.command_base import Command as BaseCommand
from evalapp.core.management.command_base import CommandParser
from evalapp.studies import services
from evalapp.studies.queries.study_reads import study_by_slug


class Command(BaseCommand):
    help = "Let people vote on a study."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("study")

    def run(self, **options: Any) -> None:
        study = study_by_slug(options["study"])
        services.open_study(study)
        self.say(f"{study} is open: /play/{study}/")
