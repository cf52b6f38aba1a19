"""`manage.py train CATALOGUE --recipe R --name NAME [--wait]`, and `train --list`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from evalapp.catalog.queries import catalogue_named
from evalapp.core.domain.job_targets import target_of
from evalapp.core.management.command_base import Command as BaseCommand
from evalapp.core.management.command_base import CommandParser, Usage
from evalapp.core.management.temporary_workers import a_worker, require_success
from evalapp.core.tasks import nudge
from evalapp.training.management.run_watching import follow_run, say_recipes, say_table
from evalapp.training.management.set_options import settings_of
from evalapp.training.queries.training_runs import run_by_id, run_document
from evalapp.training.services.start_encoder import bases_named
from evalapp.training.services.training_runs import begin_run
from models_registry.training.common.recipe_base import list_recipes


class Command(BaseCommand):
    help = "Train an encoder from the labels of a catalogue; it is registered under its name when it has learnt."
    offers_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("catalogue", nargs="?")
        parser.add_argument("--recipe", help="how to learn; --list shows them")
        parser.add_argument("--name", help="what studies call the new encoder")
        parser.add_argument(
            "--base", action="append", default=[], metavar="MODEL[.TAP]", dest="bases",
            help="the registered encoder that it starts from; several, repeated, stand side by side",
        )  # fmt: skip
        parser.add_argument("--top-categories", type=int, metavar="N", help="keep the N most common categories")
        parser.add_argument("--seed", type=int)
        parser.add_argument(
            "--set", action="append", default=[], metavar="NAME=VALUE", dest="assignments",
            help="a setting of the recipe; may be repeated",
        )  # fmt: skip
        parser.add_argument("--wait", action="store_true", help="follow the run to its end")
        parser.add_argument("--list", action="store_true", help="the recipes and their settings")

    def run(self, **options: Any) -> Any:
        if options["list"]:
            documents = say_recipes(self, list_recipes("labels"))
            self.say(f"From votes: {', '.join(entry.name for entry in list_recipes('votes'))}; see retrain --list.")
            return documents
        needed = {"CATALOGUE": "catalogue", "--recipe": "recipe", "--name": "name", "--base": "bases"}
        for argument, name in needed.items():
            if not options[name]:
                raise Usage(f"{argument} is missing; see train --help.")
        parent, tap = bases_named(options["bases"])
        run = begin_run(
            name=options["name"],
            recipe=options["recipe"],
            data=target_of("catalogue", catalogue_named(options["catalogue"]).pk),
            parent=parent,
            parent_tap=tap,
            settings=settings_of(options["assignments"], {name: options[name] for name in ("seed", "top_categories")}),
        )
        if run.job is None:
            raise RuntimeError("A run begins with a job.")
        if not options["wait"]:
            nudge(run.job)
            self.say(f"Run {run.pk} waits for a worker: python manage.py serve (or a worker of yours).")
            return run_document(run)
        with a_worker():
            nudge(run.job)
            progress = follow_run(self, run)
        require_success(progress, run.job.pk)
        run = run_by_id(run.pk)
        say_table(self, run.metrics)
        self.say(f"{run.name} is registered. Next: python manage.py create_study … --contender {run.name}:l2")
        return {**run_document(run), "progress": asdict(progress)}
