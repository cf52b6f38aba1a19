"""`manage.py evaluate_index SLUG`: engines measured on the index's own vectors, and kept."""

from __future__ import annotations

from typing import Any

from evalapp.core.management.command_base import Command as BaseCommand
from evalapp.core.management.command_base import CommandParser
from evalapp.core.management.temporary_workers import a_worker, follow, require_success
from evalapp.core.tasks import nudge
from evalapp.search.queries.index_experiments import described_experiment
from evalapp.search.queries.search_indexes import index_named
from evalapp.search.services.index_experiments import MEASURABLE, USUAL_ENGINES, job_of, request_experiment


class Command(BaseCommand):
    help = (
        "What each engine finds, how fast and at what cost, on this index's own vectors; auto goes by it from then on."
    )
    offers_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug")
        parser.add_argument(
            "--engines", default=",".join(USUAL_ENGINES), help=f"separated by commas; {','.join(MEASURABLE)}"
        )

    def run(self, **options: Any) -> Any:
        index = index_named(options["slug"])
        engines = [name.strip() for name in options["engines"].split(",") if name.strip()]
        experiment = request_experiment(index, engines)
        job = job_of(experiment)
        with a_worker():
            nudge(job)
            progress = follow(self, job.pk)
        require_success(progress, job.pk)
        experiment.refresh_from_db()
        document = described_experiment(experiment)
        self.say(f"{'engine':14} {'metric':8} {'recall@10':>9} {'queries/CPU s':>14} {'over exact':>10} {'MiB':>8}")
        for report in document["reports"]:
            self.say(
                f"{report['engine']:14} {report['metric']:8} {report['recall']:9.3f} "
                f"{report['queries_per_cpu_second']:14,.0f} {report['over_exact']:10.1f} "
                f"{report['memory_bytes'] / 2**20:8.1f}"
            )
        self.say(f"auto takes {document['choice']}: {document['reason']}")
        return {"index": index.slug, **document}
