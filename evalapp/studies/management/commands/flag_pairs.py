"""`manage.py flag_pairs STUDY PAIR … (--reason R | --lift)`."""

from __future__ import annotations

from typing import Any

from evalapp.catalog.models import FlagReason
from evalapp.core.management.command_base import Command as BaseCommand
from evalapp.core.management.command_base import CommandParser
from evalapp.studies.queries.study_reads import study_by_slug
from evalapp.studies.services import pair_flags


class Command(BaseCommand):
    help = "Take pairs out of play for a reason, or put them back; without a pair, list those that are flagged."
    offers_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("study")
        parser.add_argument("pairs", nargs="*", type=int, metavar="PAIR")
        wish = parser.add_mutually_exclusive_group()
        wish.add_argument("--reason", choices=FlagReason.values, default=FlagReason.OTHER)
        wish.add_argument("--lift", action="store_true")

    def run(self, **options: Any) -> Any:
        study, pairs = study_by_slug(options["study"]), options["pairs"]
        if pairs and options["lift"]:
            pair_flags.lift_pair_flags(study, pairs)
        elif pairs:
            pair_flags.flag_pairs(study, pairs, options["reason"])
        rows = list(pair_flags.flags_of_study(study)[:1000])
        for row in rows:
            self.say(f"{row.pair_id:>10} {row.state:10} {row.reason:12} {row.reports:,} reports")
        self.say(f"{len(rows):,} flags; {pair_flags.waiting_reports(study).count():,} reported pairs wait.")
        return [{"pair": row.pair_id, "state": row.state, "reason": row.reason, "reports": row.reports} for row in rows]
