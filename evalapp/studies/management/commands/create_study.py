"""`manage.py create_study SLUG --catalogue C --contender MODEL.TAP:METRIC …`."""

from __future__ import annotations

from typing import Any

from evalapp.catalog.domain.label_scopes import labels_from_words
from evalapp.catalog.queries import catalogue_named
from evalapp.core.management.command_base import Command as BaseCommand
from evalapp.core.management.command_base import CommandParser
from evalapp.studies.domain.usual_shares import USUAL_GOLD_SHARE, USUAL_MARGIN, USUAL_REPEAT_SHARE
from evalapp.studies.models import BoardVisibility, SamplingMethod, StudyMode
from evalapp.studies.services import EXCLUSIONS, MOST_GALLERY, MOST_QUERIES, StudyPlan, create_study


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
        self._add_pictures(parser)
        self._add_looks(parser)
        self._add_votes(parser)

    def _add_pictures(self, parser: CommandParser) -> None:
        parser.add_argument("--gallery", type=int, help=f"items that may be found (all, {MOST_GALLERY:,} at most)")
        parser.add_argument("--queries", type=int, help=f"items to find neighbours for ({MOST_QUERIES:,} at most)")
        parser.add_argument("--gallery-domain", default="", metavar="DOMAIN", help="only items of it may be found")
        parser.add_argument("--query-domain", default="", metavar="DOMAIN", help="ask only for items of it")
        for side, about in (("gallery", "only these may be found"), ("query", "ask only for these")):
            parser.add_argument(
                f"--{side}-label", action="append", default=[], metavar="FIELD=VALUE", dest=f"{side}_labels",
                help=f"{about}: category, domain, split, product or an attribute; may be repeated",
            )  # fmt: skip
        parser.add_argument("--top-k", type=int, default=10, help="neighbours kept per query (10)")
        parser.add_argument(
            "--exclude", choices=EXCLUSIONS, default="none",
            help="hide the same product, or show every product once (its nearest picture)",
        )  # fmt: skip
        parser.add_argument("--no-control", action="store_false", dest="control", help="no random contender")
        parser.add_argument("--seed", type=int, default=0)

    def _add_looks(self, parser: CommandParser) -> None:
        parser.add_argument("--title", default="", help="what visitors read")
        parser.add_argument("--question", default="", help="what people are asked (the usual one of the mode)")
        parser.add_argument("--board", choices=BoardVisibility.values, default=BoardVisibility.PRIVATE)
        parser.add_argument(
            "--mode", choices=StudyMode.values, default=StudyMode.SWIPE,
            help="yes or no to one pair (swipe), the closer of two candidates, or all that match of a grid",
        )  # fmt: skip
        parser.add_argument(
            "--allow-training-pictures", action="store_true", dest="training_pictures",
            help="show people also what a contender was trained on; the board says so",
        )  # fmt: skip
        parser.add_argument(
            "--follow-catalogue", action="store_true", dest="follows_catalogue",
            help="while it is open, draft and compute the next round by itself when the catalogue has changed",
        )  # fmt: skip
        parser.add_argument(
            "--dim-boxes", action="store_true",
            help="show an item's whole picture, darkened outside its box, instead of the box alone",
        )  # fmt: skip
        parser.add_argument(
            "--box-margin", type=int, default=0, metavar="PERCENT",
            help="show so much around a box, of its sides (0: exactly what the contenders compare)",
        )  # fmt: skip

    def _add_votes(self, parser: CommandParser) -> None:
        parser.add_argument("--random-sides", action="store_true", help="let chance say where the query stands")
        parser.add_argument(
            "--sampling", choices=SamplingMethod.values, default=SamplingMethod.ADAPTIVE,
            help="spend votes on what decides between the leaders (adaptive), on all alike, or where there are fewest",
        )  # fmt: skip
        parser.add_argument(
            "--strata", action="store_true", dest="sampling_strata",
            help="draw each category as often as its share of the queries says",
        )  # fmt: skip
        parser.add_argument(
            "--margin", type=float, default=USUAL_MARGIN,
            help="declare also who is surely at most so far below the best (0.02 of approval); 0: only the best",
        )  # fmt: skip
        parser.add_argument(
            "--gold-share", type=float, default=USUAL_GOLD_SHARE, help="exposures with a known answer (%(default)s)"
        )
        parser.add_argument(
            "--repeat-share", type=float, default=USUAL_REPEAT_SHARE, help="exposures shown a second time (%(default)s)"
        )

    def run(self, **options: Any) -> Any:
        options["catalogue"] = catalogue_named(options["catalogue"])
        for name in ("gallery_labels", "query_labels"):
            options[name] = labels_from_words(options[name])
        study = create_study(StudyPlan(**options))
        contenders = list(study.contenders.values_list("name", flat=True))
        queries = study.queries.count()
        self.say(f"{study}: {queries:,} queries, contenders {', '.join(contenders)}.")
        self.say(f"Next: python manage.py precompute {study} --wait")
        return {"study": study.slug, "queries": queries, "contenders": contenders, "state": study.state}
