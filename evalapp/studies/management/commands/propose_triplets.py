"""`manage.py propose_triplets CATALOGUE | --study STUDY`."""

from __future__ import annotations

from typing import Any

from evalapp.catalog.queries import catalogue_named
from evalapp.catalog.services import triplets
from evalapp.core.management.command_base import Command as BaseCommand
from evalapp.core.management.command_base import CommandParser, Usage
from evalapp.studies.queries.study_reads import study_by_slug
from evalapp.studies.services.triplet_proposals import propose_from_votes


class Command(BaseCommand):
    help = "Put triplets that labels or votes claim into the review queue of a catalogue."
    offers_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("catalogue", nargs="?", help="whose labels claim them")
        parser.add_argument("--study", help="whose votes claim them, in place of labels")
        parser.add_argument("--number", type=int, default=200, help="how many, 200 if left out")
        parser.add_argument("--seed", type=int, default=0, help="of the choice among labels")

    def run(self, **options: Any) -> Any:
        if bool(options["catalogue"]) == bool(options["study"]):
            raise Usage("Name a catalogue, or a study with --study.")
        if options["study"]:
            study = study_by_slug(options["study"])
            catalogue, new = study.catalogue, propose_from_votes(study, options["number"])
        else:
            catalogue = catalogue_named(options["catalogue"])
            new = triplets.propose_from_labels(catalogue, options["number"], seed=options["seed"])
        waiting = triplets.triplet_counts(catalogue)["proposed"]
        self.say(f"{new:,} new triplets; {waiting:,} wait in /lab/catalogues/{catalogue}/review/.")
        return {"catalogue": catalogue.slug, "new": new, "waiting": waiting}
