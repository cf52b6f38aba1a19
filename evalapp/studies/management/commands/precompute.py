"""`manage.py precompute STUDY [--wait]`."""

from __future__ import annotations

from typing import Any

from evalapp.core import queries as jobs
from evalapp.core.domain.job_targets import target_of
from evalapp.core.management.command_base import Command as BaseCommand
from evalapp.core.management.command_base import CommandParser
from evalapp.core.management.temporary_workers import a_worker, follow, require_success
from evalapp.core.services.jobs import request_job
from evalapp.core.tasks import nudge
from evalapp.studies.queries.study_reads import study_by_slug

_FAULTS_SHOWN = 5


class Command(BaseCommand):
    help = "Have workers make embeddings, neighbours, pairs and nominations; what exists is not made again."
    offers_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("study")
        parser.add_argument("--wait", action="store_true", help="follow the work to its end")

    def run(self, **options: Any) -> Any:
        study = study_by_slug(options["study"])
        if not options["wait"]:
            job = request_job("precompute", target_of("study", study.pk))
            nudge(job)
            self.say(f"Job {job.pk} waits for a worker: python manage.py serve (or a worker of yours).")
            return {"job": job.pk, "state": job.state}
        with a_worker():
            job = request_job("precompute", target_of("study", study.pk))
            nudge(job)
            progress = follow(self, job.pk)
        require_success(progress, job.pk)
        faults = jobs.faults_of(job.pk)
        for thing, reason in faults[:_FAULTS_SHOWN]:
            self.stderr.write(f"left out: {thing}: {reason}")
        if len(faults) > _FAULTS_SHOWN:
            self.stderr.write(f"… and {len(faults) - _FAULTS_SHOWN} more; see the job in /lab/.")
        self.say(f"{study}: {progress.state}. Next: python manage.py open_study {study}")
        return {"job": job.pk, "state": progress.state, "faults": faults}
