"""`manage.py change_index INDEX (--public | --private | --locator NAME | --delete)`."""

from __future__ import annotations

from typing import Any

from evalapp.core.management.command_base import Command as BaseCommand
from evalapp.core.management.command_base import CommandParser
from evalapp.search.queries.search_indexes import index_named
from evalapp.search.services import search_indexes


class Command(BaseCommand):
    help = "Let visitors search in an index, or only operators; go back to the generation before; delete it."
    offers_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("index")
        wish = parser.add_mutually_exclusive_group(required=True)
        wish.add_argument("--public", action="store_true")
        wish.add_argument("--private", action="store_true")
        wish.add_argument("--locator", metavar="NAME", help="suggests boxes in photos; map for the encoder's own map")
        wish.add_argument("--delete", action="store_true", help="items, vectors and votes stay")

    def run(self, **options: Any) -> Any:
        index = index_named(options["index"])
        if options["locator"]:
            name = "" if options["locator"] == "map" else options["locator"]
            search_indexes.choose_locator(index, name)
            self.say(f"Boxes for {index} are suggested by {name or 'the encoder itself'}.")
            return {"index": index.slug, "locator": name or None}
        if options["delete"]:
            search_indexes.delete_index(index)
        else:
            search_indexes.publish_index(index, is_public=options["public"])
        state = "deleted" if options["delete"] else "public" if options["public"] else "for operators"
        self.say(f"{options['index']} is {state}.")
        return {"index": options["index"], "state": state}
