"""`manage.py restore FILE`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from evalapp.core.management.command_base import Command as BaseCommand
from evalapp.core.management.command_base import CommandParser
from evalapp.core.services.backups import restore_backup


class Command(BaseCommand):
    help = (
        "Fill this empty installation from a backup; a file that is cut or changed is refused before anything changes."
    )
    offers_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)

    def run(self, **options: Any) -> Any:
        file = options["file"].absolute()
        with self.progress("checking", None, "bytes") as bar:
            manifest = restore_backup(file, advance=bar.update)
        self.say(f"Restored what was backed up at {manifest['made_at']}.")
        if not manifest["vectors"]:
            self.say("Vectors are not in it; precompute makes those that are needed again.")
        return {"file": str(file), "made_at": manifest["made_at"], "vectors": manifest["vectors"]}
