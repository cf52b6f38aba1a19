"""`manage.py snapshots`, and `manage.py snapshots SNAPSHOT --output DIR`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from evalapp.core.management.command_base import Command as BaseCommand
from evalapp.core.management.command_base import CommandParser, Usage
from evalapp.training.pipeline.datasets.label_snapshots import export_snapshot, kept_snapshots


class Command(BaseCommand):
    help = "What runs learnt from, kept as it was: list it, or take one away with its pictures."
    offers_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("snapshot", nargs="?", help="its name, or the first digits of it")
        parser.add_argument("--output", type=Path, metavar="DIR", help="a new or empty folder")

    def run(self, **options: Any) -> Any:
        if options["snapshot"] is None:
            return self._list_snapshots()
        if options["output"] is None:
            raise Usage("Say with --output DIR where the snapshot is to be written.")
        exported = export_snapshot(options["snapshot"], options["output"])
        self.say(f"{exported['folder']}: {exported['pictures']:,} pictures of {exported['catalogue']}.")
        self.say(f"It comes back with: python manage.py import_catalogue SLUG {exported['folder']}/items.csv")
        return exported

    def _list_snapshots(self) -> Any:
        lines = kept_snapshots()
        for line in lines:
            runs = ", ".join(line.runs) or "no run that is finished"
            self.say(f"{line.snapshot[:16]}  {line.catalogue}: {line.pictures:,} pictures; {runs}")
        if not lines:
            self.say("No snapshot is kept yet: each training run from labels keeps its own.")
        return [asdict(line) for line in lines]
