"""`manage.py jobs [--cancel ID | --resume ID | --watch] [--json]`."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

from evalapp.core import queries, tasks
from evalapp.core.domain.values.durations import in_words
from evalapp.core.management.command_base import Command as BaseCommand
from evalapp.core.management.command_base import CommandParser, Usage
from evalapp.core.services import jobs as services

_WATCH_SECONDS = 1.0


class Command(BaseCommand):
    help = "List the newest jobs; watch them; cancel one, or resume one that failed or was cancelled."
    offers_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        wish = parser.add_mutually_exclusive_group()
        wish.add_argument("--cancel", type=int, metavar="ID", help="what is done stays; nothing new is begun")
        wish.add_argument("--resume", type=int, metavar="ID", help="try again what failed or was cancelled")
        wish.add_argument("--watch", action="store_true", help="show jobs and workers until no job is left to be done")
        parser.add_argument("--limit", type=int, default=20, metavar="N", help="so many of the newest (20)")

    def run(self, **options: Any) -> Any:
        if options["cancel"] is not None:
            services.cancel_job(queries.job_by_id(options["cancel"]))
            return self._confirm_change(options["cancel"], "is cancelled")
        if options["resume"] is not None:
            job = queries.job_by_id(options["resume"])
            services.resume_job(job)
            tasks.call_workers(job)
            return self._confirm_change(job.pk, "goes on as soon as a worker is free")
        if options["watch"]:
            if self.json:
                raise Usage("--watch shows lines for people; ask for --json alone, as often as you like.")
            return self._watch_jobs(max(options["limit"], 1))
        lines = queries.recent_jobs(max(options["limit"], 1))
        for line in lines:
            self.say(_job_text(line))
        if not lines:
            self.say("No work was asked for yet: python manage.py precompute STUDY")
        return [asdict(line) for line in lines]

    def _watch_jobs(self, limit: int) -> None:
        """Show jobs and workers again and again; in a terminal in one place, else line by line when they change."""
        last_lines: list[str] = []
        while True:
            jobs = queries.recent_jobs(limit)
            lines = [_job_text(line) for line in jobs] + [_worker_text(line) for line in queries.worker_lines()]
            if self.stdout.isatty():
                # Home, then every line to its end, then what is left below.
                self.say("\x1b[H\x1b[2J" + "\n".join(lines))
            else:
                for line in (line for line in lines if line not in last_lines):
                    self.say(line)
            last_lines = lines
            if not any(line.can_cancel for line in jobs):
                return
            time.sleep(_WATCH_SECONDS)

    def _confirm_change(self, job_id: int, what: str) -> dict[str, Any]:
        line = queries.job_line(job_id)
        self.say(f"Job {job_id}, {line.kind} {line.target}, {what}.")
        return asdict(line)


def _job_text(line: queries.JobLine) -> str:
    progress = f"{line.done}/{line.total}" if line.total else "-"
    text = f"{line.id:>6}  {line.kind} {line.target:20} {line.state:16}  {line.stage or '-':12} {progress:>15}"
    if line.speed is not None and line.seconds_left is not None:
        text += f"  {line.speed:.1f} {line.unit}/s, {in_words(line.seconds_left)} left"
    if line.left_out:
        text += f"  {line.left_out} left out"
    return f"{text}  {' '.join(line.error.split())}".rstrip()


def _worker_text(line: queries.WorkerLine) -> str:
    position = f"job {line.job}, {line.stage}" if line.job else "free"
    return f"        {line.name} ({line.queues}; {line.device}): {'silent' if line.silent else position}"
