"""A worker measures what the encoder of a run takes: bytes, dimensions, milliseconds per picture on this machine."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from evalapp.catalog.models import Catalogue
from evalapp.contenders.pipeline.registrations import cut_once
from evalapp.core.domain.errors import Problem
from evalapp.core.domain.job_plans import Fault, Plan, Stage
from evalapp.core.domain.job_targets import target_id
from evalapp.training.pipeline.backbone_report import cost_of
from evalapp.training.queries.training_runs import catalogue_id_of, run_by_id
from evalapp.training.services.training_runs import note_measured


def _measure_cost(target: str, _arguments: dict[str, Any]) -> list[Fault]:
    run = run_by_id(target_id("training", target))
    number = catalogue_id_of(run)
    catalogue = None if number is None else Catalogue.objects.filter(pk=number).first()
    if catalogue is None:
        raise Problem(f"The catalogue that {run.name} learnt from is gone: there are no pictures to time it on.")
    note_measured(run, cost=asdict(cost_of(run, catalogue)))
    return []


PLAN = Plan(stages=(Stage("weigh", "encoders", cut_once, _measure_cost),))
