"""`manage.py adopt STUDY CONTENDER [--index SLUG] [--wait]`."""

from __future__ import annotations

from typing import Any

from evalapp.core.management.command_base import Command as BaseCommand
from evalapp.core.management.command_base import CommandParser
from evalapp.core.management.temporary_workers import a_worker, follow, require_success
from evalapp.core.tasks import nudge
from evalapp.search.services.adoption import adopt_contender
from evalapp.studies.queries.study_reads import contender_named, study_by_slug


class Command(BaseCommand):
    help = "Put a contender, such as the winner, to work: a search that answers as it did."
    offers_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("study")
        parser.add_argument("contender")
        parser.add_argument("--index", default="", metavar="SLUG", help="the name of the search in addresses")
        parser.add_argument("--wait", action="store_true", help="follow the work to its end")

    def run(self, **options: Any) -> Any:
        contender = contender_named(study_by_slug(options["study"]), options["contender"])
        index, job = adopt_contender(contender, options["index"])
        if options["wait"]:
            with a_worker():
                nudge(job)
                progress = follow(self, job.pk)
            require_success(progress, job.pk)
        else:
            nudge(job)
        self.say(f"{contender} answers at /search/{index.slug}/ once it is built (job {job.pk}).")
        return {"study": options["study"], "contender": contender.name, "index": index.slug, "job": job.pk}
