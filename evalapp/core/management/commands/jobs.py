"""`manage.py jobs [--cancel ID | --resume ID] [--json]`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from evalapp.core import queries, services, tasks
from evalapp.core.commands import Command as BaseCommand
from evalapp.core.commands import CommandParser


class Command(BaseCommand):
    help = "List the newest jobs; cancel one, or resume one that failed or was cancelled."
    offers_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        wish = parser.add_mutually_exclusive_group()
        wish.add_argument("--cancel", type=int, metavar="ID", help="what is done stays; nothing new is begun")
        wish.add_argument("--resume", type=int, metavar="ID", help="try again what failed or was cancelled")
        parser.add_argument("--limit", type=int, default=20, metavar="N", help="so many of the newest (20)")

    def run(self, **options: Any) -> Any:
        if options["cancel"] is not None:
            services.cancel_job(queries.job_by_id(options["cancel"]))
            return self._told(options["cancel"], "is cancelled")
        if options["resume"] is not None:
            job = queries.job_by_id(options["resume"])
            services.resume_job(job)
            tasks.call_workers(job)
            return self._told(job.pk, "goes on as soon as a worker is free")
        lines = queries.recent_jobs(max(options["limit"], 1))
        for line in lines:
            self.say(_row(line))
        if not lines:
            self.say("No work was asked for yet: python manage.py precompute STUDY")
        return [asdict(line) for line in lines]

    def _told(self, job_id: int, what: str) -> dict[str, Any]:
        line = queries.job_line(job_id)
        self.say(f"Job {job_id}, {line.kind} {line.target}, {what}.")
        return asdict(line)


def _row(line: queries.JobLine) -> str:
    progress = f"{line.done}/{line.total}" if line.total else "-"
    told = f"{line.id:>6}  {line.kind} {line.target:20} {line.state:16}  {line.stage or '-':12} {progress:>15}"
    return f"{told}  {' '.join(line.error.split())}".rstrip()
