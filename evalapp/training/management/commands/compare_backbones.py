"""`manage.py compare-backbones CATALOGUE --base MODEL[.TAP] …`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from evalapp.catalog.queries import catalogue_named
from evalapp.core.commands import Command as BaseCommand
from evalapp.core.commands import CommandParser, Usage
from evalapp.core.management.running import a_worker, require_success
from evalapp.core.tasks import nudge
from evalapp.training.costs import cost_of, floors_of, plot_of, table_of
from evalapp.training.management.following import follow_run
from evalapp.training.management.settings import settings_of
from evalapp.training.models import TrainingRun
from evalapp.training.queries import run_by_id
from evalapp.training.services import begin_run, parse_base


class Command(BaseCommand):
    help = "Train the same head on several encoders; print what each is worth and what it costs, and draw it."
    offers_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("catalogue")
        parser.add_argument(
            "--base", action="append", default=[], metavar="MODEL[.TAP]", dest="bases", help="two or more"
        )
        parser.add_argument("--recipe", default="triplet", help="the head that all get (triplet)")
        parser.add_argument("--name", default="compared", help="the encoders are called NAME-MODEL-TAP")
        parser.add_argument(
            "--set", action="append", default=[], metavar="NAME=VALUE", dest="assignments",
            help="a setting of the recipe; may be repeated",
        )  # fmt: skip
        parser.add_argument("--output", type=Path, metavar="DIR", help="write table.md, costs.json and plot.svg there")

    def run(self, **options: Any) -> Any:
        if len(options["bases"]) < 2:
            raise Usage("Name at least two encoders to compare with --base.")
        catalogue = catalogue_named(options["catalogue"])
        settings = settings_of(options["assignments"], {})
        runs = []
        for words in options["bases"]:
            parent, tap = parse_base(words)
            runs.append(
                begin_run(
                    name=f"{options['name']}-{parent.name}-{tap}",
                    recipe=options["recipe"],
                    data=f"catalogue:{catalogue.pk}",
                    parent=parent,
                    parent_tap=tap,
                    settings=settings,
                )
            )
        self._work(runs)
        done = [run_by_id(run.pk) for run in runs]
        costs, floors = [cost_of(run, catalogue) for run in done], floors_of(done[0])
        self.say(table_of(costs, floors))
        if options["output"] is not None:
            options["output"].mkdir(parents=True, exist_ok=True)
            (options["output"] / "table.md").write_text(table_of(costs, floors), encoding="utf-8")
            (options["output"] / "plot.svg").write_text(plot_of(costs, floors), encoding="utf-8")
            document = json.dumps(
                {"backbones": [asdict(cost) for cost in costs], "floors": [asdict(floor) for floor in floors]}, indent=1
            )
            (options["output"] / "costs.json").write_text(document + "\n", encoding="utf-8")
        return {
            "catalogue": catalogue.slug,
            "recipe": options["recipe"],
            "backbones": [asdict(cost) for cost in costs],
            "floors": [asdict(floor) for floor in floors],
        }

    def _work(self, runs: list[TrainingRun]) -> None:
        with a_worker():
            for run in runs:
                if run.job is not None:
                    nudge(run.job)
            for run in runs:
                self.say(f"{run.name}:")
                progress = follow_run(self, run)
                require_success(progress, run.job_id or 0)
