"""`manage.py create_study SLUG --catalogue C --contender MODEL.TAP:METRIC …`."""

from __future__ import annotations

from typing import Any

from evalapp.catalog.queries import catalogue_named
from evalapp.core.commands import Command as BaseCommand
from evalapp.core.commands import CommandParser
from evalapp.studies.models import BoardVisibility
from evalapp.studies.services import MOST_GALLERY, MOST_QUERIES, StudyPlan, create_study


class Command(BaseCommand):
    help = "Draft a study: who competes, on which pictures. Next: precompute."
    offers_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", help="its name in addresses")
        parser.add_argument("--catalogue", required=True)
        parser.add_argument(
            "--contender", action="append", default=[], metavar="MODEL.TAP:METRIC", dest="contenders",
            help="may be repeated; the tap is left out where there is one; metrics: l1 l2 cosine hamming",
        )  # fmt: skip
        parser.add_argument("--gallery", type=int, help=f"items that may be found (all, {MOST_GALLERY:,} at most)")
        parser.add_argument("--queries", type=int, help=f"items to find neighbours for ({MOST_QUERIES:,} at most)")
        parser.add_argument("--top-k", type=int, default=10, help="neighbours kept per query (10)")
        parser.add_argument("--exclude", choices=("none", "product"), default="none", help="hide the same product")
        parser.add_argument("--no-control", action="store_false", dest="control", help="no random contender")
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument("--title", default="", help="what visitors read")
        parser.add_argument("--question", default="Do these two match?")
        parser.add_argument("--board", choices=BoardVisibility.values, default=BoardVisibility.PRIVATE)

    def run(self, **options: Any) -> Any:
        options["catalogue"] = catalogue_named(options["catalogue"])
        study = create_study(StudyPlan(**options))
        contenders = list(study.contenders.values_list("name", flat=True))
        queries = study.queries.count()
        self.say(f"{study}: {queries:,} queries, contenders {', '.join(contenders)}.")
        self.say(f"Next: python manage.py precompute {study} --wait")
        return {"study": study.slug, "queries": queries, "contenders": contenders, "state": study.state}
