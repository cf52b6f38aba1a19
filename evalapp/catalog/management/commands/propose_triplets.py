"""`manage.py propose_triplets CATALOGUE`."""

from __future__ import annotations

from typing import Any

from evalapp.catalog import triplets
from evalapp.catalog.queries import catalogue_named
from evalapp.core.commands import Command as BaseCommand
from evalapp.core.commands import CommandParser


class Command(BaseCommand):
    help = "Put triplets that the labels claim into the review queue of a catalogue."
    offers_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("catalogue")
        parser.add_argument("--number", type=int, default=200, help="how many, 200 if left out")
        parser.add_argument("--seed", type=int, default=0)

    def run(self, **options: Any) -> Any:
        catalogue = catalogue_named(options["catalogue"])
        new = triplets.propose_from_labels(catalogue, options["number"], seed=options["seed"])
        waiting = triplets.counts(catalogue)["proposed"]
        self.say(f"{new:,} new triplets; {waiting:,} wait in /lab/catalogues/{catalogue}/review/.")
        return {"catalogue": catalogue.slug, "new": new, "waiting": waiting}
