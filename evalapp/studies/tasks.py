"""Rounds that begin by themselves: the beat looks which catalogues have moved on, and workers are told."""

from __future__ import annotations

import logging
from datetime import timedelta

from celery import shared_task

from evalapp.core.domain.errors import Problem
from evalapp.core.domain.job_targets import target_of
from evalapp.core.services.jobs import request_job
from evalapp.core.tasks import nudge
from evalapp.studies import services
from evalapp.studies.queries import study_reads

logger = logging.getLogger(__name__)

REST = timedelta(minutes=10)
"""An import changes a catalogue many times; the round waits until nothing has changed for so long."""


@shared_task(name="studies.follow_catalogues")
def follow_catalogues() -> None:
    """Draft and compute the next round of every open study that follows its catalogue; opening it is for people."""
    for study in study_reads.due_rounds(REST):
        try:
            following = services.start_round(study)
        except Problem as problem:
            # It would fail each minute: the operator finds it switched off, and the reason in the log.
            services.change_study(study, follows_catalogue=False)
            logger.warning("%s follows its catalogue no longer: %s", study, problem.message)
        else:
            nudge(request_job("precompute", target_of("study", following.pk)))
