"""`manage.py robustness STUDY`."""

from __future__ import annotations

from typing import Any

from evalapp.core.management.command_base import Command as BaseCommand
from evalapp.core.management.command_base import CommandParser, Failed
from evalapp.studies.queries.study_reads import study_by_slug
from models_registry.evaluate.corruptions import CORRUPTIONS


class Command(BaseCommand):
    help = "Damage the queries (mirror, crop, JPEG, shrink, scribble, text) and say how much of the top 10 survives."
    offers_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("study")
        parser.add_argument("--queries", type=int, default=100, help="how many, 100 if left out")
        parser.add_argument("--strength", type=float, default=0.5, help="how much damage, 0 to 1; 0.5 if left out")

    def run(self, **options: Any) -> Any:
        from evalapp.studies.pipeline.robustness import measurable_contenders, measure_contender

        study = study_by_slug(options["study"])
        contenders = measurable_contenders(study)
        if not contenders:
            raise Failed(f"No contender of {study} reads pictures: none can be damaged.")
        entries = []
        with self.progress("Damaging", len(contenders) * len(CORRUPTIONS), "passes") as bar:
            for contender in contenders:
                report = measure_contender(
                    contender,
                    queries=max(1, options["queries"]),
                    strength=options["strength"],
                    on_progress=lambda _name: bar.update(1),
                )
                entries.append({"contender": contender.name, "queries": report.queries, "lines": report.lines})
        for entry in entries:
            self.say(entry["contender"])
            for line in entry["lines"]:
                top, first = _format_interval(line["overlap"]), _format_interval(line["same_first"])
                self.say(f"  {line['corruption']:9} {top} of the top 10, first {first}")
        return {"study": study.slug, "strength": options["strength"], "contenders": entries}


def _format_interval(interval: dict[str, Any]) -> str:
    if interval["value"] is None:
        return "unknown"
    return f"{interval['value']:.2f} ({interval['low']:.2f}–{interval['high']:.2f})"
