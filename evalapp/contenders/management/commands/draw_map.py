"""`manage.py draw_map CATALOGUE MODEL[.TAP]`."""

from __future__ import annotations

from typing import Any

from evalapp.catalog.queries import catalogue_named
from evalapp.contenders.services.projections import USUAL, request_map
from evalapp.core.management.command_base import Command as BaseCommand
from evalapp.core.management.command_base import CommandParser
from evalapp.core.management.temporary_workers import a_worker, follow, require_success
from evalapp.core.tasks import nudge


class Command(BaseCommand):
    help = "Lay the pictures of a catalogue out on a plane by what a model makes of them, to be looked at in the lab."
    offers_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("catalogue")
        parser.add_argument("embedding", help="MODEL.TAP, the tap left out where there is one")
        parser.add_argument("--items", type=int, default=USUAL, help=f"pictures to show, {USUAL} if left out")
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument("--wait", action="store_true", help="follow the work to its end")

    def run(self, **options: Any) -> Any:
        catalogue = catalogue_named(options["catalogue"])
        drawing = request_map(catalogue, options["embedding"], items=options["items"], seed=options["seed"])
        job = drawing.job
        if job is None:
            raise RuntimeError("A map begins with a job.")
        state = str(job.state)
        if options["wait"]:
            with a_worker():
                nudge(job)
                progress = follow(self, job.pk)
            require_success(progress, job.pk)
            state = progress.state
        else:
            nudge(job)
        self.say(f"Map {drawing.pk}: {state}. Look at it in /lab/maps/{drawing.pk}/.")
        return {"map": drawing.pk, "job": job.pk, "state": state}
