"""`manage.py create_index SLUG --catalogue C --encoder MODEL[.TAP]`."""

from __future__ import annotations

from typing import Any

from evalapp.core.management.command_base import Command as BaseCommand
from evalapp.core.management.command_base import CommandParser, Usage
from evalapp.search.queries.search_indexes import described_index
from evalapp.search.services.search_indexes import ENGINES, IndexPlan, create_index


class Command(BaseCommand):
    help = "Make an index that answers searches in a catalogue; build_index then builds it."
    offers_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("--catalogue", required=True)
        parser.add_argument("--encoder", required=True, help="MODEL.TAP, the tap left out where there is one")
        parser.add_argument("--metric", action="append", help="l1, l2, cosine or hamming; may be repeated")
        parser.add_argument("--engine", default="auto", choices=ENGINES)
        parser.add_argument("--recall", type=float, default=0.98, help="share of the ten nearest to be found")
        parser.add_argument("--gallery", action="append", default=[], metavar="domain=NAME", help="or split=NAME")
        parser.add_argument("--locator", default="", help="suggests boxes in photos; see register_locator")
        parser.add_argument("--masker", default="", help="blanks backgrounds; see register_masker")
        parser.add_argument("--public", action="store_true", help="visitors may search")

    def run(self, **options: Any) -> Any:
        gallery = dict(rule.partition("=")[::2] for rule in options["gallery"])
        unknown = gallery.keys() - {"domain", "split"}
        if unknown:
            raise Usage(f"--gallery {min(unknown)}: write domain=NAME or split=NAME.")
        plan = IndexPlan(
            slug=options["slug"],
            catalogue=options["catalogue"],
            encoder=options["encoder"],
            metrics=options["metric"] or ["cosine"],
            engine=options["engine"],
            recall=options["recall"],
            gallery_domain=gallery.get("domain", ""),
            gallery_split=gallery.get("split", ""),
            is_public=options["public"],
            locator=options["locator"],
            masker=options["masker"],
        )
        index = create_index(plan)
        self.say(f"Index {index.slug} is there; build it with: python manage.py build_index {index.slug} --wait")
        return described_index(index)
