"""`manage.py sweep CATALOGUE --base MODEL[.TAP] --set margin=0.1 --set margin=0.2 …`."""

from __future__ import annotations

from typing import Any

from evalapp.catalog.queries import catalogue_named
from evalapp.core.management.command_base import Command as BaseCommand
from evalapp.core.management.command_base import CommandParser
from evalapp.training.management.run_watching import follow_runs, nudge_runs
from evalapp.training.management.set_options import settings_of
from evalapp.training.queries.side_by_side import RunLine, side_by_side
from evalapp.training.queries.training_runs import run_document
from evalapp.training.services.comparisons import begin_sweep


class Command(BaseCommand):
    help = "Train one recipe in every choice of one value per setting; the best is told by validation."
    offers_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("catalogue")
        parser.add_argument(
            "--base", action="append", required=True, metavar="MODEL[.TAP]", dest="bases",
            help="the encoder that all start from; repeated, each is swept over",
        )  # fmt: skip
        parser.add_argument("--recipe", default="triplet", help="how all learn (triplet)")
        parser.add_argument("--name", default="sweep", help="the encoders are called NAME-1, NAME-2 …")
        parser.add_argument(
            "--set", action="append", default=[], metavar="NAME=VALUE", dest="assignments",
            help="a value of a setting; several of one name are tried one by one",
        )  # fmt: skip
        parser.add_argument("--wait", action="store_true", help="follow the runs to their end, and print the table")

    def run(self, **options: Any) -> Any:
        settings: dict[str, list[Any]] = {}
        for text in options["assignments"]:
            for name, value in settings_of([text], {}).items():
                settings.setdefault(name, []).append(value)
        fields = {name: options[name] for name in ("recipe", "name")}
        runs = begin_sweep(catalogue_named(options["catalogue"]), options["bases"], settings=settings, **fields)
        if not options["wait"]:
            nudge_runs(runs)
            self.say(f"{len(runs)} runs wait for a worker: python manage.py serve (or a worker of yours).")
            return [run_document(run) for run in runs]
        follow_runs(self, runs)
        compared = side_by_side([run.pk for run in runs])
        for line in compared.lines:
            self.say(_format_line(line))
        best = compared.lines[0].run.name if compared.by_validation else None
        if best:
            self.say(f"The best by validation is {best}.")
        lines = [{**run_document(line.run), "differs": line.settings} for line in compared.lines]
        return {"best_by_validation": best, "runs": lines}


def _format_line(line: RunLine) -> str:
    settings = ", ".join(f"{name}={value}" for name, value in line.settings.items())
    recall = f"{line.head['value']:.3f}" if line.head else "–"
    validation = f"{line.validation:.4f}" if line.validation is not None else "–"
    return f"{line.run.name}  {settings}  validation {validation}  recall@1 {recall}"
