"""How far jobs are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db.models import Count, Exists, F, Func, IntegerField, Max, Min, OuterRef, Q, QuerySet, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from evalapp.core.domain.attention import Matter
from evalapp.core.domain.errors import NotFound
from evalapp.core.domain.job_targets import TARGET_MODELS, is_target, split_target, target_of
from evalapp.core.domain.measures import Measure
from evalapp.core.models import Chunk, Deed, Job, JobState, Worker

_LATELY = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Progress:
    """Units done and in all of the stage that a job is in."""

    state: str
    stage: str
    done: int
    total: int
    failed: int


def progress_of(job_id: int) -> Progress:
    """How far a job is in its stage."""
    job = Job.objects.only("state", "stage").get(pk=job_id)
    finished = Q(state__in=[JobState.DONE, JobState.FAILED, JobState.CANCELLED])
    sums = Chunk.objects.filter(job_id=job_id, stage=job.stage).aggregate(
        done=Coalesce(Sum("size", filter=finished), 0),
        total=Coalesce(Sum("size"), 0),
        failed=Count("pk", filter=Q(state=JobState.FAILED)),
    )
    return Progress(state=job.state, stage=job.stage, **sums)


def faults_of(job_id: int, limit: int = 1000, after: int = 0) -> list[tuple[str, str]]:
    """What the job left out, and why; failed chunks by their error. `after` so many that were read before."""
    return list(islice(_iterate_faults(job_id), after, after + limit))


def _iterate_faults(job_id: int) -> Iterator[tuple[str, str]]:
    rows = Chunk.objects.filter(job_id=job_id).exclude(faults=[], state=JobState.DONE).order_by("pk")
    for chunk in rows.only("stage", "number", "state", "error", "faults").iterator(chunk_size=200):
        yield from ((str(thing), str(reason)) for thing, reason in chunk.faults)
        if chunk.state == JobState.FAILED:
            yield f"{chunk.stage} chunk {chunk.number}", chunk.error


def unfinished_chunks(job: Job) -> int:
    """Chunks of the job's stage that still have to end."""
    return Chunk.objects.filter(job=job, stage=job.stage, state__in=[JobState.PENDING, JobState.RUNNING]).count()


def had_errors(job: Job) -> bool:
    """Whether any chunk failed or left something out."""
    return Chunk.objects.filter(job=job).filter(Q(state=JobState.FAILED) | ~Q(faults=[])).exists()


def error_of(job_id: int) -> str:
    """Why the job failed, or an empty text."""
    return Job.objects.only("error").get(pk=job_id).error


@dataclass(frozen=True, slots=True)
class JobLine:
    """A job as people see it: what it is about in words, how far its stage is, what may be done with it.

    `speed` is in units per second over the last two minutes of the stage, `seconds_left` what it promises for the rest
    of the stage; both None where nothing is to be told. `failed` chunks and things `left_out` are of all stages.
    """

    id: int
    kind: str
    target: str
    state: str
    stage: str
    done: int
    total: int
    error: str
    created_at: datetime
    finished_at: datetime | None
    can_cancel: bool
    can_resume: bool
    unit: str
    speed: float | None
    seconds_left: float | None
    failed: int
    left_out: int


def recent_jobs(limit: int = 20, before: int | None = None) -> list[JobLine]:
    """The newest jobs, or those before a job, each with the progress of the stage that it is in."""
    jobs = _with_progress().order_by("-pk")
    return _describe_jobs(jobs.filter(pk__lt=before)[:limit] if before is not None else jobs[:limit])


def job_line(job_id: int) -> JobLine:
    """One job; raises NotFound."""
    return _describe_jobs([_require_job(_with_progress(), job_id)])[0]


def newest_job(kind: str, target: str) -> JobLine | None:
    """The last job of this kind for this target, if there was one."""
    return newest_jobs(kind, [target]).get(target)


def newest_jobs(kind: str, targets: Sequence[str]) -> dict[str, JobLine]:
    """The last job of this kind for each of these targets that ever had one."""
    jobs = Job.objects.filter(kind=kind, target__in=targets)
    newest = list(_with_progress().filter(pk__in=jobs.values("target").annotate(last=Max("pk")).values("last")))
    return {job.target: line for job, line in zip(newest, _describe_jobs(newest), strict=True)}


def job_by_id(job_id: int) -> Job:
    """The row; raises NotFound."""
    return _require_job(Job.objects.all(), job_id)


def _require_job(jobs: QuerySet[Job], job_id: int) -> Job:
    job = jobs.filter(pk=job_id).first()
    if job is None:
        raise NotFound(f"There is no job {job_id}.")
    return job


def _with_progress() -> QuerySet[Job]:
    ended = Q(chunks__stage=F("stage"), chunks__state__in=[JobState.DONE, JobState.FAILED, JobState.CANCELLED])
    return Job.objects.annotate(
        done=Coalesce(Sum("chunks__size", filter=ended), 0),
        total=Coalesce(Sum("chunks__size", filter=Q(chunks__stage=F("stage"))), 0),
        failed=Count("chunks", filter=Q(chunks__state=JobState.FAILED)),
        left_out=Coalesce(Sum(Func("chunks__faults", function="jsonb_array_length", output_field=IntegerField())), 0),
        lately=Coalesce(Sum("chunks__size", filter=ended & Q(chunks__ended_at__gte=timezone.now() - _LATELY)), 0),
        begun=Min("chunks__begun_at", filter=Q(chunks__stage=F("stage"))),
    )


def _stage_pace(job: Job) -> tuple[float | None, float | None]:
    """Units per second of a running stage, and seconds until its end at this pace."""
    done, total, lately, begun = (getattr(job, name, None) for name in ("done", "total", "lately", "begun"))
    if job.state != JobState.RUNNING or begun is None or not done:
        return None, None
    since = (timezone.now() - begun).total_seconds()
    speed = lately / min(since, _LATELY.total_seconds()) if lately else done / since
    return speed, (total - done) / speed if total is not None else None


def _describe_jobs(jobs: Iterable[Job]) -> list[JobLine]:
    jobs = list(jobs)
    names = _names_of_targets({job.target for job in jobs})
    return [_describe_job(job, names[job.target]) for job in jobs]


def _describe_job(job: Job, target: str) -> JobLine:
    failed = int(getattr(job, "failed", 0))
    speed, seconds_left = _stage_pace(job)
    return JobLine(
        id=job.pk,
        kind=job.kind,
        target=target,
        state=job.state,
        stage=job.stage,
        done=getattr(job, "done", 0),
        total=getattr(job, "total", 0),
        error=job.error,
        created_at=job.created_at,
        finished_at=job.finished_at,
        can_cancel=not job.is_final,
        can_resume=is_resumable(job.state, failed=bool(failed)),
        unit=job.unit,
        speed=speed,
        seconds_left=seconds_left,
        failed=failed,
        left_out=int(getattr(job, "left_out", 0)),
    )


@dataclass(frozen=True, slots=True)
class WorkerLine:
    """A worker and what it is at. `silent`: it was not seen for so long that it is taken for dead."""

    name: str
    queues: str
    device: str
    started_at: datetime
    seen_at: datetime
    silent: bool
    job: int | None
    stage: str
    size: int


def worker_lines() -> list[WorkerLine]:
    """All workers that were seen lately, each with the chunk that it is at."""
    rows = list(Worker.objects.all())
    running = Chunk.objects.filter(state=JobState.RUNNING, worker__in=[row.name for row in rows])
    busy = {chunk.worker: chunk for chunk in running.only("worker", "job_id", "stage", "size").order_by("begun_at")}
    since = timezone.now() - settings.WORKER_SILENCE
    return [_worker_line(row, busy.get(row.name), silent=row.seen_at <= since) for row in rows]


def _worker_line(row: Worker, chunk: Chunk | None, *, silent: bool) -> WorkerLine:
    return WorkerLine(
        name=row.name,
        queues=row.queues,
        device=row.device,
        started_at=row.started_at,
        seen_at=row.seen_at,
        silent=silent,
        job=chunk.job_id if chunk else None,
        stage=chunk.stage if chunk else "",
        size=chunk.size if chunk else 0,
    )


@dataclass(frozen=True, slots=True)
class Tally:
    """How many rows there are of a kind in a state."""

    kind: str
    state: str
    count: int
    units: int


def jobs_by_state() -> list[Tally]:
    """Jobs by kind and state; `units` is 0."""
    rows = Job.objects.order_by().values_list("kind", "state").annotate(Count("pk"))
    return [Tally(kind, state, count, 0) for kind, state, count in rows]


def measures() -> list[Measure]:
    """How long the oldest job waits for a worker."""
    oldest = Job.objects.filter(state=JobState.PENDING).aggregate(oldest=Min("created_at"))["oldest"]
    age = (timezone.now() - oldest).total_seconds() if oldest else 0.0
    about = "How long the oldest that waits was written down."
    return [Measure("dopeornope_oldest_message_seconds", about, age, {"of": "jobs"})]


def chunks_by_state() -> list[Tally]:
    """Chunks of all jobs by stage and state, with their units of progress."""
    rows = Chunk.objects.order_by().values_list("stage", "state").annotate(Count("pk"), Sum("size"))
    return [Tally(stage, state, count, units) for stage, state, count, units in rows]


def is_resumable(state: str, *, failed: bool) -> bool:
    """Whether a job in this state, some of whose chunks failed or none, has something to do again."""
    return state in {JobState.FAILED, JobState.CANCELLED} or (state == JobState.DONE_WITH_ERRORS and failed)


def name_of_target(target: str) -> str:
    """What people call what a job is about."""
    return _names_of_targets([target])[target]


def _names_of_targets(targets: Iterable[str]) -> dict[str, str]:
    """What people call each target: a study by its slug. A target that is gone keeps its number."""
    names = {target: target.replace(":", " ") for target in targets}
    for kind, (model, field) in TARGET_MODELS.items():
        numbers = [split_target(target)[1] for target in names if is_target(kind, target)]
        public_names = apps.get_model(model).objects.filter(pk__in=numbers).values_list("pk", field)
        names |= {target_of(kind, number): str(name) for number, name in public_names}
    return names


@dataclass(frozen=True, slots=True)
class StageLine:
    """The chunks of a stage by their state, and its units of progress."""

    stage: str
    pending: int
    running: int
    done: int
    failed: int
    cancelled: int
    units_done: int
    units: int


def stages_of(job_id: int) -> list[StageLine]:
    """The stages that the job has begun, in their order."""
    states = (JobState.PENDING, JobState.RUNNING, JobState.DONE, JobState.FAILED, JobState.CANCELLED)
    counts = {str(state): Count("pk", filter=Q(state=state)) for state in states}
    ended = Q(state__in=[JobState.DONE, JobState.FAILED, JobState.CANCELLED])
    rows = Chunk.objects.filter(job_id=job_id).order_by().values("stage")
    lines = rows.annotate(
        first=Min("pk"), units_done=Coalesce(Sum("size", filter=ended), 0), units=Sum("size"), **counts
    ).order_by("first")
    stage_counts: list[dict[str, Any]] = [dict(line) for line in lines]
    return [StageLine(**{name: value for name, value in line.items() if name != "first"}) for line in stage_counts]


def failed_jobs() -> Iterator[Matter]:
    """One matter for every kind of work that failed within a week and was not done since."""
    newer = Job.objects.filter(kind=OuterRef("kind"), target=OuterRef("target"), pk__gt=OuterRef("pk"))
    since = timezone.now() - timedelta(days=7)
    failed = Job.objects.filter(~Exists(newer), state=JobState.FAILED, finished_at__gte=since).order_by("-pk")[:20]
    rows = list(failed)
    names = _names_of_targets({row.target for row in rows})
    for row in rows:
        yield Matter(f"{row.kind} {names[row.target]} failed: {row.error[:150]}", "job", (row.pk,), True)


@dataclass(frozen=True, slots=True)
class DeedFilter:
    """Which deeds somebody wants to see; empty is all. `about` is a piece of their target or of their detail."""

    who: str = ""
    what: str = ""
    about: str = ""


def recent_deeds(deed_filter: DeedFilter, limit: int, before: int | None = None) -> list[Deed]:
    """Who did what, the newest first, or those before a deed."""
    rows = Deed.objects.all()
    if deed_filter.who:
        rows = rows.filter(who=deed_filter.who)
    if deed_filter.what:
        rows = rows.filter(what=deed_filter.what)
    if deed_filter.about:
        rows = rows.filter(Q(target__icontains=deed_filter.about) | Q(detail__icontains=deed_filter.about))
    return list((rows.filter(pk__lt=before) if before is not None else rows)[:limit])


def deed_words() -> tuple[list[str], list[str]]:
    """Who has done anything, and what was done, to choose among."""
    rows = Deed.objects.order_by()
    who = rows.exclude(who="").values_list("who", flat=True).distinct()
    return sorted(who), sorted(rows.values_list("what", flat=True).distinct())
