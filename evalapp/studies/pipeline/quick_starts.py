"""One job from pictures and networks to a study that can be opened: the stages of an import, a registration, a
precomputation, one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from evalapp.catalog.pipeline import import_jobs
from evalapp.contenders.pipeline import registrations
from evalapp.core.domain.errors import Problem
from evalapp.core.domain.job_plans import Fault, Part, Piece, Plan, Stage
from evalapp.core.domain.job_targets import target_id, target_of
from evalapp.core.services.uploads import drop_upload
from evalapp.studies.models import QuickStart
from evalapp.studies.pipeline import precompute
from evalapp.studies.services.quick_starts import draft_of, quick_start_by_id


def _start_of_target(target: str) -> QuickStart:
    return quick_start_by_id(target_id("start", target))


def _import_target(target: str) -> str:
    row = _start_of_target(target)
    if row.pictures is None:
        raise Problem("The pictures are gone: start again.")
    return target_of("import", row.pictures.pk)


def _study_target(target: str) -> str:
    row = _start_of_target(target)
    if row.study is None:
        raise Problem("The study was deleted meanwhile.")
    return target_of("study", row.study.pk)


def _picture_stage(stage: Stage) -> Stage:
    """A stage of the import, about the pictures that came with the start; nothing where they were there already."""

    def cut_pictures(target: str) -> Iterator[Piece]:
        if _start_of_target(target).pictures is not None:
            yield from stage.cut(_import_target(target))

    return Stage(
        stage.name, stage.unit, cut_pictures, lambda target, arguments: stage.work(_import_target(target), arguments)
    )


def _cut_registrations(target: str) -> Iterator[Piece]:
    row = _start_of_target(target)
    if row.pictures is not None:
        import_jobs.finish_import(_import_target(target))
    for registration in row.registrations.all():
        yield Piece({"registration": registration.pk})


def _register_network(_target: str, arguments: dict[str, Any]) -> list[Fault]:
    target = target_of("registration", arguments["registration"])
    return [*registrations.register_network(target, {}), *registrations.try_out(target, {})]


def _draft_study(target: str, _arguments: dict[str, Any]) -> list[Fault]:
    draft_of(_start_of_target(target))
    return []


def _study_stage(stage: Stage) -> Stage:
    """A stage of the precomputation, about the study that the start drafted."""
    parts = stage.parts

    def of_parts(target: str, arguments: dict[str, Any]) -> list[Part]:
        return parts(_study_target(target), arguments) if parts else []

    return Stage(
        stage.name,
        stage.unit,
        lambda target: stage.cut(_study_target(target)),
        lambda target, arguments: stage.work(_study_target(target), arguments),
        of_parts if parts else None,
    )


def _finish_start(target: str, state: str) -> None:
    for registration in _start_of_target(target).registrations.all():
        if registration.upload:
            drop_upload(registration.upload)
    precompute.PLAN.finish(_study_target(target), state)


PLAN = Plan(
    stages=(
        *(_picture_stage(stage) for stage in import_jobs.PLAN.stages),
        Stage("register", "networks", _cut_registrations, _register_network),
        Stage("draft", "studies", registrations.cut_once, _draft_study),
        *(_study_stage(stage) for stage in precompute.PLAN.stages),
    ),
    finish=_finish_start,
)
