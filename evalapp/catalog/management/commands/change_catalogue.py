"""`manage.py change_catalogue SLUG [--create | --name NAME | --archive | --return | --delete]`."""

from __future__ import annotations

from typing import Any

from evalapp.catalog.queries import catalogue_named
from evalapp.catalog.services import catalogues
from evalapp.core.management.command_base import Command as BaseCommand
from evalapp.core.management.command_base import CommandParser
from evalapp.core.services.dependents import in_words


class Command(BaseCommand):
    help = "Make an empty catalogue, rename one, put it away, or delete it; without a wish, say what stands on it."
    offers_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("--name", help="what people call it from now on")
        wish = parser.add_mutually_exclusive_group()
        wish.add_argument("--create", action="store_true", help="an empty one")
        wish.add_argument("--archive", action="store_true", help="offer it no more; studies of it go on")
        wish.add_argument("--return", action="store_true", dest="back", help="offer it again")
        wish.add_argument("--delete", action="store_true", help="delete it with its items, if no study needs it")

    def run(self, **options: Any) -> Any:
        slug = options["slug"]
        if options["create"]:
            catalogues.create_catalogue(slug=slug, name=options["name"] or "")
            self.say(f"{slug} is there, and empty. Next: python manage.py import_catalogue {slug} PATH")
            return {"catalogue": slug, "created": True}
        catalogue = catalogue_named(slug)
        if options["name"] is not None:
            catalogues.rename_catalogue(catalogue, options["name"])
        if options["archive"] or options["back"]:
            catalogues.archive_catalogue(catalogue, archived=options["archive"])
        dependents = catalogues.needed_by(catalogue)
        if options["delete"]:
            catalogues.delete_catalogue(catalogue)
        state = "deleted" if options["delete"] else "put away" if catalogue.archived_at else "in use"
        self.say(f"{slug} ({catalogue.name or 'without a name'}): {state}; on it stood {in_words(dependents)}.")
        return {
            "catalogue": slug,
            "name": catalogue.name,
            "state": state,
            "dependents": {d.what: d.count for d in dependents},
        }
