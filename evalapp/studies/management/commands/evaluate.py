"""`manage.py evaluate STUDY [--json]`."""

from __future__ import annotations

from typing import Any

from evalapp.core.management.command_base import Command as BaseCommand
from evalapp.core.management.command_base import CommandParser
from evalapp.studies.queries.study_reads import study_by_slug
from evalapp.studies.services.offline_scores import evaluate_study


class Command(BaseCommand):
    help = "Print the automatic scores of every contender beside random control."
    offers_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("study")

    def run(self, **options: Any) -> Any:
        document = evaluate_study(study_by_slug(options["study"]))
        width = max(len("contender"), *(len(line["contender"]) for line in document["contenders"]), 16)
        self.say(f"{document['queries']:,} queries, {document['gallery']:,} items in the gallery")
        self.say(f"rank  {'contender':{width}}  category match           product recall@1")
        for line in document["contenders"]:
            match = _format_share(line["category_match"], line["low"], line["high"])
            recall = _format_share(line["product_recall_at_1"], line["product_recall_low"], line["product_recall_high"])
            self.say(f"{line['rank'] or '–':>4}  {line['contender']:{width}}  {match:23}  {recall}")
        control = document["control"]
        self.say(
            f"      {'control':{width}}  {_format_share(control['category_match'], control['low'], control['high'])}"
        )
        self.say(f"      {'control expected':{width}}  {_format_share(control['expected'])}")
        for name, chance in control["attributes"].items():
            self.say(f"the same {name} (by chance {_format_share(chance['expected'])}):")
            matches = [(line["contender"], line["attributes"][name]) for line in document["contenders"]]
            for contender, match in sorted(matches, key=lambda entry: -(entry[1]["match"] or 0.0)):
                self.say(f"      {contender:{width}}  {_format_share(match['match'], match['low'], match['high'])}")
        return document


def _format_share(value: float | None, low: float | None = None, high: float | None = None) -> str:
    if value is None:
        return "no labels"
    interval = "" if low is None or high is None else f" ({low:.3f} to {high:.3f})"
    return f"{value:.3f}{interval}"
