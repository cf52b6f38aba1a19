"""Questions to an encoder about a whole catalogue: asked for, answered by a worker, read by pages."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import Prefetch, QuerySet

from evalapp.catalog.models import Catalogue, Item
from evalapp.catalog.queries import active_flags
from evalapp.contenders.models import Examination
from evalapp.contenders.queries.registered_models import parse_contender
from evalapp.core.domain.errors import InvalidInput, NotFound
from evalapp.core.domain.job_targets import target_of
from evalapp.core.services.deeds import recorded
from evalapp.core.services.jobs import request_job


@recorded("asked for examination", "catalogue {catalogue}", "{question}, {contender}")
def request_examination(catalogue: Catalogue, question: str, contender: str) -> Examination:
    """The question with the job that answers it. Raises InvalidInput for one that cannot be asked."""
    if question not in Examination.Question.values:
        raise InvalidInput(f"There is no question {question}; there are {', '.join(Examination.Question.values)}.")
    parsed = parse_contender(contender)
    with transaction.atomic():
        row = Examination.objects.create(
            question=question, catalogue=catalogue, model=parsed.model, contender=parsed.name
        )
        row.job = request_job("examine", target_of("examination", row.pk))
        row.save(update_fields=["job"])
    return row


def keep_answer(row: Examination, result: dict[str, Any]) -> None:
    """What the worker found."""
    Examination.objects.filter(pk=row.pk).update(result=result)


def all_examinations() -> QuerySet[Examination]:
    """All that was asked, the newest first, without the answers."""
    return Examination.objects.select_related("catalogue", "job").defer("result")


def examination_by_id(number: int) -> Examination:
    """Raises NotFound."""
    row = Examination.objects.select_related("catalogue", "job").filter(pk=number).first()
    if row is None:
        raise NotFound(f"There is no examination {number}.")
    return row


def suspects_of(row: Examination) -> list[tuple[Item, dict[str, Any]]]:
    """The suspected items that are still there, with why, in the order of the answer."""
    suspects = row.result.get("suspects", [])
    items = Item.objects.filter(
        catalogue=row.catalogue, removed=False, key__in=[suspect["key"] for suspect in suspects]
    )
    active = Prefetch("flags", active_flags(row.catalogue), to_attr="active_flags")
    by_key = {item.key: item for item in items.select_related("picture", "cutout").prefetch_related(active)}
    return [(by_key[suspect["key"]], suspect) for suspect in suspects if suspect["key"] in by_key]
