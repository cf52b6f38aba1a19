"""`manage.py build_index SLUG [--wait]`."""

from __future__ import annotations

from typing import Any

from evalapp.core.management.command_base import Command as BaseCommand
from evalapp.core.management.command_base import CommandParser
from evalapp.core.management.temporary_workers import a_worker, follow, require_success
from evalapp.core.tasks import nudge
from evalapp.search.queries.search_indexes import described_index, index_named
from evalapp.search.services.search_indexes import go_back, request_build


class Command(BaseCommand):
    help = "Build the next generation of an index; once it is verified it serves in the place of the one before."
    offers_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("--wait", action="store_true", help="follow the work to its end")
        parser.add_argument("--go-back", action="store_true", help="build nothing: let the generation before serve")

    def run(self, **options: Any) -> Any:
        index = index_named(options["slug"])
        if options["go_back"]:
            self.say(f"Generation {go_back(index).number} of {index} serves.")
            return described_index(index)
        job = request_build(index)
        if not options["wait"]:
            nudge(job)
            self.say(f"Job {job.pk} builds {index}.")
            return {**described_index(index), "job": job.pk}
        with a_worker():
            nudge(job)
            progress = follow(self, job.pk)
        require_success(progress, job.pk)
        index = index_named(index.slug)
        if index.serving is not None:
            self.say(f"Generation {index.serving.number} of {index} serves {index.serving.rows:,} items.")
        return {**described_index(index), "job": job.pk}
