"""`manage.py import_votes STUDY FILE [--json]`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from evalapp.core.domain.csv_sheets import Sheet
from evalapp.core.management.command_base import Command as BaseCommand
from evalapp.core.management.command_base import CommandParser, Failed
from evalapp.studies.queries.study_reads import study_by_slug
from evalapp.voting.services.vote_import import COLUMNS, import_votes

_SHOWN = 5


class Command(BaseCommand):
    help = "Bring votes that were gathered elsewhere into a study, for training; the board leaves them out."
    offers_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("study", help="the study's slug")
        parser.add_argument("file", type=Path, help=f"a CSV with the columns {', '.join(COLUMNS)}")

    def run(self, **options: Any) -> dict[str, Any]:
        study = study_by_slug(options["study"])
        sheet = Sheet(options["file"], COLUMNS)
        with self.progress("Importing", sheet.count(), "votes") as bar:
            result = import_votes(study, sheet, bar.update)
        if not result.recorded and not result.already_recorded:
            first = f" Line {result.faults[0][0]}: {result.faults[0][1]}" if result.faults else ""
            raise Failed(f"No vote could be taken from {options['file']}.{first}")
        self.say(
            f"{result.recorded:,} votes recorded, {result.already_recorded:,} there already, "
            f"{result.left_out:,} rows left out."
        )
        for line, reason in result.faults[:_SHOWN]:
            self.say(f"  line {line}: {reason}")
        return {
            "study": study.slug,
            "recorded": result.recorded,
            "already_recorded": result.already_recorded,
            "left_out": result.left_out,
            "problems": result.problems,
        }
