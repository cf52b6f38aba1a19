"""`manage.py import_answers STUDY FILE --name NAME [--json]`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from evalapp.core.management.command_base import Command as BaseCommand
from evalapp.core.management.command_base import CommandParser
from evalapp.studies.queries.study_reads import study_by_slug
from evalapp.studies.services.import_results import import_answers

_SHOWN = 5


class Command(BaseCommand):
    help = (
        "Let a search engine take part whose vectors nobody has: its answers come as a CSV of query, candidate, rank."
    )
    offers_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("study", help="the slug of a study that was not opened yet")
        parser.add_argument(
            "file", type=Path, help="a CSV with the columns query, candidate, rank and, at will, distance"
        )
        parser.add_argument("--name", required=True, help="what the contender is called on the board")

    def run(self, **options: Any) -> dict[str, Any]:
        study = study_by_slug(options["study"])
        brought = import_answers(study, options["file"], options["name"])
        self.say(f"{brought.answers:,} answers to {brought.queries:,} queries; {brought.left_out:,} rows left out.")
        for line, reason in brought.faults[:_SHOWN]:
            self.say(f"  line {line}: {reason}")
        self.say(f"Now run: python manage.py precompute {study} --wait")
        return {
            "study": study.slug,
            "contender": brought.contender,
            "answers": brought.answers,
            "queries": brought.queries,
            "left_out": brought.left_out,
            "problems": brought.problems,
        }
