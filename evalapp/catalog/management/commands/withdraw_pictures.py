"""`manage.py withdraw_pictures CATALOGUE KEY …`."""

from __future__ import annotations

from typing import Any

from evalapp.catalog.services.withdraw_pictures import withdraw_pictures
from evalapp.core.management.command_base import Command as BaseCommand
from evalapp.core.management.command_base import CommandParser


class Command(BaseCommand):
    help = "Take pictures down for good: their files are deleted, and the same bytes are never taken in again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("catalogue", help="the catalogue's slug")
        parser.add_argument("keys", nargs="+", metavar="KEY", help="keys of items that show them")

    def run(self, **options: Any) -> None:
        withdrawn = withdraw_pictures(options["catalogue"], options["keys"])
        self.say(f"{withdrawn:,} picture{'' if withdrawn == 1 else 's'} withdrawn for good.")
