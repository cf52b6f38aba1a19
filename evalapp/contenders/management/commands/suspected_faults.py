"""`manage.py suspected_faults CATALOGUE --encoder MODEL[.TAP]:METRIC`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from evalapp.catalog.queries import catalogue_named
from evalapp.contenders.pipeline.suspected_items import suspected_items
from evalapp.contenders.queries.registered_models import parse_contender
from evalapp.core.management.command_base import Command as BaseCommand
from evalapp.core.management.command_base import CommandParser
from evalapp.plots.plot_texts import ENGLISH

_WORDS = {
    "like flagged": "most of its nearest pictures are flagged {told} ({share})",
    "wrong label": "none of its nearest pictures is of its category; {share} are {told}",
    "outlying": "it lies {strength:.1f} deviations from the others of {told}",
}


class Command(BaseCommand):
    help = "Pictures that may be at fault, by what was flagged before and by how they lie among others; flags nothing."
    offers_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("catalogue")
        parser.add_argument("--encoder", required=True, metavar="MODEL[.TAP]:METRIC", help="whose neighbours are asked")
        parser.add_argument("-n", "--number", type=int, default=50, help="how many are shown (50)")

    def run(self, **options: Any) -> Any:
        catalogue = catalogue_named(options["catalogue"])
        contender = parse_contender(options["encoder"])
        with self.progress(contender.name, None, "pictures") as bar:

            def show_progress(done: int, total: int) -> None:
                bar.total = total
                bar.update(done - bar.n)

            suspects = suspected_items(catalogue, contender, on_progress=show_progress)
        for suspect in suspects[: options["number"]]:
            share = ENGLISH.share(suspect.strength)
            words = _WORDS[suspect.reason].format(told=suspect.told, strength=suspect.strength, share=share)
            self.say(f"{suspect.key}: {words}")
        self.say(
            f"{len(suspects):,} suspected. Look at them in /lab/catalogues/{catalogue.slug}/ and flag those at fault."
        )
        return {"catalogue": catalogue.slug, "suspects": [asdict(suspect) for suspect in suspects[: options["number"]]]}
