"""`manage.py latent_walk RUN --output FILE.png`."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from evalapp.core.management.command_base import Command as BaseCommand
from evalapp.core.management.command_base import CommandParser, Failed
from evalapp.training.queries.training_runs import run_named, walk_of


class Command(BaseCommand):
    help = "Pictures that a multi-task run's autoencoder decodes along the dimensions in which its codes differ most."
    offers_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("run", help="the name of a finished run")
        parser.add_argument("--output", type=Path, required=True, metavar="FILE.png")

    def run(self, **options: Any) -> Any:
        run = run_named(options["run"])
        path = walk_of(run)
        if path is None:
            raise Failed(f"{run.name} has no autoencoder whose codes could be looked at; multi-task trains one.")
        try:
            shutil.copyfile(path, options["output"])
        except OSError as error:
            raise Failed(f"{options['output']} cannot be written: {error.strerror or error}.") from error
        walk = run.metrics["walk"]
        self.say(f"{options['output']}: a row each for the dimensions {', '.join(map(str, walk['dimensions']))}.")
        return {"file": str(options["output"]), **walk}
