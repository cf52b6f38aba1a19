"""Indexes made, built anew, put to work and put back."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from evalapp.catalog.models import LONGEST, Catalogue
from evalapp.contenders.models import RegionNetwork
from evalapp.contenders.queries.region_networks import region_network
from evalapp.contenders.queries.registered_models import parse_contender
from evalapp.contenders.services.registration import ensure_embedding
from evalapp.core.domain.errors import Conflict, InvalidInput, NotFound
from evalapp.core.models import Job
from evalapp.core.services.deeds import recorded
from evalapp.core.services.jobs import request_job
from evalapp.search.models import Generation, GenerationState, SearchIndex
from models_registry.metrics import METRICS

ENGINES = ("auto", "exact", "faiss", "faiss:rabitq", "faiss:sq8", "milvus")
KEPT_GENERATIONS = 3
"""The serving one and those before it that an operator may go back to; files of older ones are removed."""
YOUNG_SHARE, YOUNG_ROWS, MOST_YOUNG_ROWS = 0.05, 500, 20_000
"""Rows that came after the build are compared one by one: beyond this many a new generation is due."""
MOST_WAITING = 64
"""The search process makes the vectors of a few new pictures itself; of more, workers do."""
_SEEN = timedelta(minutes=1)
_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,79}")


@dataclass(frozen=True, slots=True)
class IndexPlan:
    """An index as somebody asks for it. `encoder` is MODEL[.TAP], `locator` and `masker` are names; the first of
    `metrics` is the usual one."""

    slug: str
    catalogue: str
    encoder: str
    metrics: Sequence[str] = ("cosine",)
    engine: str = "auto"
    recall: float = 0.98
    gallery_domain: str = ""
    gallery_split: str = ""
    is_public: bool = False
    locator: str = ""
    masker: str = ""


@recorded("made", "index {plan.slug}")
def create_index(plan: IndexPlan) -> SearchIndex:
    """An index without a generation: nothing is answered before it is built.

    Raises InvalidInput for words that are off, NotFound for an unknown catalogue, Conflict for a name that is taken.
    """
    _check_plan(plan)
    catalogue = Catalogue.objects.filter(slug=plan.catalogue).first()
    if catalogue is None:
        raise NotFound(f"There is no catalogue {plan.catalogue!r}.")
    parsed = parse_contender(f"{plan.encoder}:{plan.metrics[0]}")
    locator, masker = _network_named("locator", plan.locator), _network_named("masker", plan.masker)
    if masker is not None and parsed.model.spec["reads"] != "pictures":
        raise InvalidInput(f"{parsed.model} reads more than pictures; nothing can be masked for it.")
    try:
        with transaction.atomic():
            return SearchIndex.objects.create(
                slug=plan.slug,
                catalogue=catalogue,
                embedding=ensure_embedding(parsed.model, parsed.tap, catalogue),
                metrics=list(dict.fromkeys(plan.metrics)),
                engine=plan.engine,
                recall=plan.recall,
                gallery_domain=plan.gallery_domain,
                gallery_split=plan.gallery_split,
                is_public=plan.is_public,
                locator=locator,
                masker=masker,
            )
    except IntegrityError as error:
        raise Conflict(f"There is an index {plan.slug!r} already; choose another name or build that one.") from error


def _check_plan(plan: IndexPlan) -> None:
    if not _SLUG.fullmatch(plan.slug):
        raise InvalidInput(f"{plan.slug!r} cannot stand in an address; use small letters, digits and dashes.")
    if not plan.metrics:
        raise InvalidInput("An index needs at least one metric.", fields={"metrics": ["At least one."]})
    for metric in plan.metrics:
        if metric not in METRICS:
            raise InvalidInput(f"{metric!r} is no metric; choose among {', '.join(METRICS)}.")
    if plan.engine not in ENGINES:
        raise InvalidInput(f"{plan.engine!r} is no engine; choose one of {', '.join(ENGINES)}.")
    if not 0 < plan.recall <= 1:
        raise InvalidInput(f"A recall lies above 0 and up to 1, not {plan.recall:g}.")
    for name, text in (("domain", plan.gallery_domain), ("split", plan.gallery_split)):
        if len(text) > LONGEST[name]:
            raise InvalidInput(f"The {name} is longer than {LONGEST[name]} characters.")


def _network_named(kind: str, name: str) -> RegionNetwork | None:
    return region_network(kind, name) if name else None


@recorded("changed", "index {index}", "locator: {name}")
def choose_locator(index: SearchIndex, name: str) -> None:
    """Suggest boxes by this locator from now on; by the encoder's own last map if the name is empty.

    Vectors do not depend on it, so nothing is built anew. Raises InvalidInput for a name that is not registered.
    """
    index.locator = _network_named("locator", name)
    SearchIndex.objects.filter(pk=index.pk).update(locator=index.locator)


@recorded("changed", "index {index}", "public: {is_public}")
def publish_index(index: SearchIndex, *, is_public: bool) -> None:
    """Let visitors search, or only operators."""
    SearchIndex.objects.filter(pk=index.pk).update(is_public=is_public)
    index.is_public = is_public


@recorded("asked for build", "index {index}")
def request_build(index: SearchIndex) -> Job:
    """The job that builds the next generation; asking twice joins the one under way."""
    return request_job("index", f"index:{index.pk}")


@transaction.atomic
def begin_generation(index: SearchIndex, change: int, job: Job | None) -> Generation:
    """The row of a generation that is being built from the catalogue as it is at this change.

    What an earlier attempt of the same job left unfinished is given up.
    """
    locked_index = SearchIndex.objects.select_for_update().get(pk=index.pk)
    if job is not None:
        unfinished = locked_index.generations.filter(job=job, state=GenerationState.BUILDING)
        unfinished.update(state=GenerationState.FAILED, error="Its worker died.")
    last = locked_index.generations.order_by("-number").values_list("number", flat=True).first()
    return Generation.objects.create(
        index=locked_index, number=(last or 0) + 1, follows=locked_index.serving, built_change=change, job=job
    )


def fail_generation(generation: Generation, error: str) -> None:
    """It could not be built or did not pass; what serves goes on serving."""
    Generation.objects.filter(pk=generation.pk).update(state=GenerationState.FAILED, error=error[:2000])


def finish_generation(generation: Generation, **facts: object) -> None:
    """Its files are whole and verified."""
    Generation.objects.filter(pk=generation.pk).update(
        state=GenerationState.READY, ready_at=timezone.now(), error="", **facts
    )
    generation.refresh_from_db()


def serve_generation(generation: Generation, *, instead_of: int | None) -> bool:
    """Compare-and-set: it serves from now on, if that one (None: nothing) still does. False: it does not."""
    if generation.state != GenerationState.READY:
        raise Conflict(f"Generation {generation.number} is {generation.state}; it cannot serve.")
    served = SearchIndex.objects.filter(pk=generation.index_id, serving_id=instead_of)
    return served.update(serving=generation) == 1


@recorded("went back", "index {index}", "to generation {result.number}")
def go_back(index: SearchIndex, number: int | None = None) -> Generation:
    """Let an earlier generation serve again: that of this number, or the one before what serves now.

    It is brought up to date from the rows like any other. Raises NotFound, and Conflict where another was faster.
    """
    ready = index.generations.filter(state=GenerationState.READY)
    if number is not None:
        chosen = ready.filter(number=number).first()
    elif index.serving is not None:
        chosen = ready.filter(number__lt=index.serving.number).order_by("-number").first()
    else:
        chosen = ready.order_by("-number").first()
    if chosen is None:
        which = "earlier generation" if number is None else f"generation {number}"
        raise NotFound(f"{index} has no {which} whose files are still there.")
    if not serve_generation(chosen, instead_of=index.serving_id):
        raise Conflict(f"Another generation of {index} has begun to serve meanwhile; look again.")
    index.serving = chosen
    return chosen


def retire_generations(index: SearchIndex) -> int:
    """Remove the files of generations that nobody goes back to any more; returns how many."""
    serving = SearchIndex.objects.values_list("serving", flat=True).get(pk=index.pk)
    ready = index.generations.filter(state=GenerationState.READY).order_by("-number")
    kept_ids = {serving, *ready.values_list("pk", flat=True)[:KEPT_GENERATIONS]}
    done = (GenerationState.READY, GenerationState.FAILED)
    old = index.generations.filter(state__in=done).exclude(pk__in=kept_ids - {None}).exclude(folder="")
    for generation in old:
        # Whoever has it open keeps its mapped files until it lets go of them.
        Generation.objects.filter(pk=generation.pk).update(state=GenerationState.RETIRED, folder="")
        shutil.rmtree(Path(settings.INDEXES_DIR) / generation.folder, ignore_errors=True)
    return len(old)


@recorded("deleted", "index {index}")
def delete_index(index: SearchIndex) -> None:
    """The index, its generations and their files; items, vectors and votes stay."""
    folder = Path(settings.INDEXES_DIR) / str(index.pk)
    index.delete()
    shutil.rmtree(folder, ignore_errors=True)


def due_builds() -> list[SearchIndex]:
    """Indexes that have changed so much since they were built, or lack so many vectors, that a new generation pays."""
    due_indexes = []
    for index in SearchIndex.objects.exclude(serving=None).select_related("serving"):
        rows = index.serving.rows if index.serving else 0
        young = max(YOUNG_ROWS, int(YOUNG_SHARE * rows))
        is_due = Q(young__gt=min(young, MOST_YOUNG_ROWS)) | Q(waiting__gt=MOST_WAITING)
        if index.replicas.filter(is_due, generation=index.serving, seen_at__gte=timezone.now() - _SEEN).exists():
            due_indexes.append(index)
    return due_indexes
