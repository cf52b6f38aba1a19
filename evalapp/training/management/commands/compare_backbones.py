"""`manage.py compare-backbones CATALOGUE --base MODEL[.TAP] …`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from evalapp.catalog.queries import catalogue_named
from evalapp.core.management.command_base import Command as BaseCommand
from evalapp.core.management.command_base import CommandParser, Usage
from evalapp.training.domain.worth_and_cost import Budget, floors_of, plot_of, table_of
from evalapp.training.management.run_watching import follow_runs
from evalapp.training.management.set_options import settings_of
from evalapp.training.pipeline.backbone_report import cost_of
from evalapp.training.queries.training_runs import run_by_id
from evalapp.training.services.comparisons import begin_comparison


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
        parser.add_argument("--budget-mb", type=float, metavar="MB", help="name the best whose weights are no larger")
        parser.add_argument("--budget-ms", type=float, metavar="MS", help="and that takes no longer per picture")

    def run(self, **options: Any) -> Any:
        if len(options["bases"]) < 2:
            raise Usage("Name at least two encoders to compare with --base.")
        catalogue = catalogue_named(options["catalogue"])
        settings = settings_of(options["assignments"], {})
        fields = {name: options[name] for name in ("recipe", "name")}
        runs = begin_comparison(catalogue, options["bases"], settings=settings, **fields)
        follow_runs(self, runs)
        done = [run_by_id(run.pk) for run in runs]
        costs, floors = [cost_of(run, catalogue) for run in done], floors_of(done[0].metrics)
        budget = Budget(options["budget_mb"], options["budget_ms"])
        self.say(table_of(costs, floors))
        self.say(budget.best_of(costs))
        if options["output"] is not None:
            options["output"].mkdir(parents=True, exist_ok=True)
            (options["output"] / "table.md").write_text(table_of(costs, floors), encoding="utf-8")
            (options["output"] / "plot.svg").write_text(plot_of(costs, floors, budget), encoding="utf-8")
            document = json.dumps(
                {"backbones": [asdict(cost) for cost in costs], "floors": [asdict(floor) for floor in floors]}, indent=1
            )
            (options["output"] / "costs.json").write_text(document + "\n", encoding="utf-8")
        return {
            "catalogue": catalogue.slug,
            "recipe": options["recipe"],
            "backbones": [asdict(cost) for cost in costs],
            "floors": [asdict(floor) for floor in floors],
            "best_within_budget": budget.best_of(costs),
        }
