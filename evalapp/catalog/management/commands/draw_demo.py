"""`manage.py draw_demo FOLDER`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from evalapp.core.management.command_base import Command as BaseCommand
from evalapp.core.management.command_base import CommandParser, Usage
from evalapp.demo import generate


class Command(BaseCommand):
    help = "Draw the demo catalogue: garments in shop and street pictures, with an items.csv that knows all about them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path)
        parser.add_argument("--seed", type=int, default=7)
        parser.add_argument("--products", type=int, default=220)

    def run(self, **options: Any) -> None:
        with self.progress("drawing", None, "pictures") as bar:

            def show_progress(done: int, total: int) -> None:
                bar.total = total
                bar.update(done - bar.n)

            try:
                generate(
                    options["folder"], seed=options["seed"], products=options["products"], on_progress=show_progress
                )
            except ValueError as error:
                raise Usage(str(error)) from error
        self.say(f"Import it: python manage.py import_catalogue demo {options['folder'] / 'items.csv'}")
