"""`manage.py start_round STUDY [--add MODEL.TAP:METRIC …] [--drop NAME …] [--queries kept|fresh]`."""

from __future__ import annotations

from typing import Any

from evalapp.core.management.command_base import Command as BaseCommand
from evalapp.core.management.command_base import CommandParser
from evalapp.studies.queries.study_reads import study_by_slug
from evalapp.studies.services import start_round

_WORDS = ("slug", "add", "drop", "queries", "seed")


class Command(BaseCommand):
    help = "Draft the next round of a study on its catalogue as it is now. Next: precompute."
    offers_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("study", help="the round before")
        parser.add_argument("--slug", help="its name in addresses; SLUG-r2, SLUG-r3 … if not given")
        parser.add_argument("--add", action="append", default=[], metavar="MODEL.TAP:METRIC", help="may be repeated")
        parser.add_argument("--drop", action="append", default=[], metavar="NAME", help="takes no part any more")
        parser.add_argument(
            "--queries", choices=("kept", "fresh"), default="kept", help="ask for the same items (kept)"
        )
        parser.add_argument("--seed", type=int, help="the seed of the round before, one more for fresh queries")

    def run(self, **options: Any) -> Any:
        study = start_round(study_by_slug(options["study"]), **{name: options[name] for name in _WORDS})
        contenders = list(study.contenders.values_list("name", flat=True))
        queries = study.queries.count()
        self.say(
            f"{study}: round {study.round} of {study.catalogue} at version {study.catalogue_version}, "
            f"{queries:,} queries, contenders {', '.join(contenders)}."
        )
        self.say(f"Next: python manage.py precompute {study} --wait")
        return {
            "study": study.slug,
            "round": study.round,
            "catalogue_version": study.catalogue_version,
            "queries": queries,
            "contenders": contenders,
            "state": study.state,
        }
