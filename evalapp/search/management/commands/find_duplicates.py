"""`manage.py find_duplicates CATALOGUE [--level bytes|picture|thing] [--wait]`."""

from __future__ import annotations

from typing import Any

from evalapp.catalog.queries import catalogue_named
from evalapp.core.management.command_base import Command as BaseCommand
from evalapp.core.management.command_base import CommandParser
from evalapp.core.management.temporary_workers import a_worker, follow, require_success
from evalapp.core.tasks import nudge
from evalapp.search.models import DuplicateLevel
from evalapp.search.queries.duplicates import level_counts
from evalapp.search.queries.search_indexes import index_named
from evalapp.search.services.duplicates import request_scan


class Command(BaseCommand):
    help = "Look for items that are in a catalogue twice: by bytes, as the same picture, or perhaps as the same thing."
    offers_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("catalogue")
        parser.add_argument("--level", choices=DuplicateLevel.values, default=DuplicateLevel.PICTURE)
        parser.add_argument("--index", help="compare by this index; the newest that serves if left out")
        parser.add_argument("--wait", action="store_true", help="follow the work to its end")

    def run(self, **options: Any) -> Any:
        catalogue = catalogue_named(options["catalogue"])
        index = index_named(options["index"]) if options["index"] else None
        job = request_scan(catalogue, options["level"], index)
        if options["wait"]:
            with a_worker():
                nudge(job)
                progress = follow(self, job.pk)
            require_success(progress, job.pk)
        else:
            nudge(job)
        counts = level_counts(catalogue)
        for count in counts:
            self.say(f"{count.level:8} {count.proposed:8,} wait, {count.decided:,} decided")
        self.say(f"Decide them in /lab/duplicates/{catalogue.slug}/.")
        levels = {count.level: {"proposed": count.proposed, "decided": count.decided} for count in counts}
        return {"catalogue": catalogue.slug, "job": job.pk, "levels": levels}
