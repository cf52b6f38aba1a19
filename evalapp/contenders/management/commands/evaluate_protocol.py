"""`manage.py evaluate_protocol CATALOGUE --protocol sop --contender MODEL[.TAP]:METRIC …`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from evalapp.catalog.queries import catalogue_named
from evalapp.contenders.pipeline.published_scores import score_by_protocol
from evalapp.contenders.queries.registered_models import parse_contender
from evalapp.core.management.command_base import Command as BaseCommand
from evalapp.core.management.command_base import CommandParser
from models_registry.evaluate.published_protocols import PROTOCOLS


class Command(BaseCommand):
    help = "Score encoders on a public set as its papers do: its own splits, its own ranks."
    offers_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("catalogue")
        parser.add_argument("--protocol", required=True, choices=tuple(PROTOCOLS))
        parser.add_argument(
            "--contender", action="append", required=True, dest="contenders", metavar="MODEL[.TAP]:METRIC"
        )

    def run(self, **options: Any) -> Any:
        catalogue = catalogue_named(options["catalogue"])
        lines = []
        for contender in [parse_contender(text) for text in options["contenders"]]:
            with self.progress(contender.name, None, "pictures") as bar:

                def show_progress(done: int, total: int, bar: Any = bar) -> None:
                    bar.total = total
                    bar.update(done - bar.n)

                scores = score_by_protocol(catalogue, contender, options["protocol"], on_progress=show_progress)
            self._print_scores(contender.name, asdict(scores))
            lines.append({"contender": contender.name, **asdict(scores)})
        return {"catalogue": catalogue.slug, "protocol": options["protocol"], "contenders": lines}

    def _print_scores(self, name: str, scores: dict[str, Any]) -> None:
        self.say(
            f"{name}: {scores['queries']:,} queries, {scores['gallery']:,} answers, {scores['left_out']:,} left out"
        )
        for score, interval in scores["scores"].items():
            if interval["value"] is not None:
                macro = f"; mean over categories {scores['macro'][score]:.3f}" if score in scores["macro"] else ""
                self.say(
                    f"  {score:24} {interval['value']:.3f}  [{interval['low']:.3f}, {interval['high']:.3f}]{macro}"
                )
