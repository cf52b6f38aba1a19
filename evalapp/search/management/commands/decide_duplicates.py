"""`manage.py decide_duplicates CATALOGUE [--pair ID --decision D [--drop KEY] | --same-bytes]`."""

from __future__ import annotations

from typing import Any

from evalapp.catalog.queries import catalogue_named
from evalapp.core.management.command_base import Command as BaseCommand
from evalapp.core.management.command_base import CommandParser
from evalapp.search.queries.duplicates import level_counts, pairs_of
from evalapp.search.services.duplicates import decide_pair, drop_same_bytes

_SHOWN = 20


class Command(BaseCommand):
    help = "Decide pairs of items that may be in a catalogue twice; without a pair, list what waits."
    offers_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("catalogue")
        parser.add_argument("--decision", default="", help="what the pair is, as /lab/duplicates/ says it")
        parser.add_argument("--drop", default="", metavar="KEY", help="which of the two leaves")
        wish = parser.add_mutually_exclusive_group()
        wish.add_argument("--pair", type=int, metavar="ID")
        wish.add_argument("--same-bytes", action="store_true", help="of equal files keep one each")

    def run(self, **options: Any) -> Any:
        catalogue = catalogue_named(options["catalogue"])
        if options["same_bytes"]:
            self.say(f"{drop_same_bytes(catalogue, who='command'):,} items removed.")
        if options["pair"] is not None:
            decide_pair(catalogue, options["pair"], options["decision"], who="command", drop=options["drop"])
        waiting = list(pairs_of(catalogue, state="proposed")[:_SHOWN])
        for row in waiting:
            self.say(f"{row.pk:>8} {row.level:8} {row.first} {row.second}")
        counts = {count.level: count.proposed for count in level_counts(catalogue)}
        self.say(f"Waiting: {counts}")
        return {"catalogue": catalogue.slug, "waiting": counts}
