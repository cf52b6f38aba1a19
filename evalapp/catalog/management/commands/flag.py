"""`manage.py flag CATALOGUE KEY … (--reason R | --lift | --remove)`."""

from __future__ import annotations

from typing import Any

from evalapp.catalog.models import FlagReason
from evalapp.catalog.services import item_flags, items
from evalapp.core.management.command_base import Command as BaseCommand
from evalapp.core.management.command_base import CommandParser


class Command(BaseCommand):
    help = "Keep pictures out of training and decks for a reason, let them in again, or take them out of the catalogue."
    offers_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("catalogue")
        parser.add_argument("keys", nargs="+", metavar="KEY")
        wish = parser.add_mutually_exclusive_group(required=True)
        wish.add_argument("--reason", choices=FlagReason.values)
        wish.add_argument("--lift", action="store_true", help="lift all their flags")
        wish.add_argument("--remove", action="store_true", help="out of the catalogue; votes about them stay")

    def run(self, **options: Any) -> Any:
        slug, keys = options["catalogue"], options["keys"]
        if options["remove"]:
            changed = items.remove_items(slug, keys)
        elif options["lift"]:
            changed = item_flags.lift_flags(slug, keys)
        else:
            changed = item_flags.flag_items(slug, keys, options["reason"])
        what = "items removed" if options["remove"] else "flags lifted" if options["lift"] else "items flagged"
        self.say(f"{changed:,} {what}.")
        return {"catalogue": slug, "changed": changed}
