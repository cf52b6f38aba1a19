"""`manage.py backup FILE [--vectors]`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from evalapp.core.management.command_base import Command as BaseCommand
from evalapp.core.management.command_base import CommandParser
from evalapp.core.services.backups import write_backup


class Command(BaseCommand):
    help = "Write database, pictures, models and keys into one file; people may go on voting meanwhile."
    offers_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--vectors", action="store_true", help="the vectors too, which can be computed again")

    def run(self, **options: Any) -> Any:
        file = options["file"].absolute()
        with self.progress("backing up", None, "bytes") as bar:
            written = write_backup(file, vectors=options["vectors"], advance=bar.update)
        self.say(f"{written.files:,} parts, {written.bytes / 1e6:,.1f} MB in {file}. It holds keys: keep it as such.")
        if not written.has_secret_key:
            self.say("SECRET_KEY is yours and not in it; keep it too: cookies and links are signed with it.")
        return {"file": str(file), "parts": written.files, "bytes": written.bytes}
