"""What stands on a row, told before it is deleted; and deleting it where nothing would be lost."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from django.db import models, transaction
from django.db.models import ProtectedError

from evalapp.core.domain.errors import Conflict


@dataclass(frozen=True, slots=True)
class Dependent:
    """Rows of one kind that stand on another row. `holds`: they must go first; else they would go with it."""

    what: str
    count: int
    holds: bool


def dependents_of(row: models.Model, holding: Collection[str] = ()) -> list[Dependent]:
    """Everything that refers to the row, by kind, those that hold it first. One statement per kind.

    `holding` are kinds (`votes`) that hold it although the database would let them go.
    """
    dependents = []
    for relation in row._meta.related_objects:  # noqa: SLF001 - Django documents it
        if relation.many_to_many or relation.on_delete is models.SET_NULL:
            continue
        about = relation.related_model
        name = str(about._meta.verbose_name_plural)  # noqa: SLF001 - Django documents it
        count = about._base_manager.filter(**{relation.field.name: row}).count()  # noqa: SLF001
        if count:
            dependents.append(Dependent(name, count, relation.on_delete is models.PROTECT or name in holding))
    return sorted(dependents, key=lambda one: (not one.holds, one.what))


def delete_row(row: models.Model, holding: Collection[str] = ()) -> None:
    """Delete the row with what goes with it. Raises Conflict where something holds it."""
    if holders := [dependent for dependent in dependents_of(row, holding) if dependent.holds]:
        raise Conflict(f"{row} is needed: {in_words(holders)}. Archive it instead, or delete these first.")
    try:
        with transaction.atomic():
            row.delete()
    except ProtectedError as error:
        kinds = sorted({str(type(holder)._meta.verbose_name_plural) for holder in error.protected_objects})  # noqa: SLF001
        message = f"{row} is needed by {', '.join(kinds)}. Archive it instead, or delete these first."
        raise Conflict(message) from error


def in_words(dependents: Collection[Dependent]) -> str:
    """`3 studies, 12 items`; `nothing` where there is nothing."""
    return ", ".join(f"{one.count:,} {one.what}" for one in dependents) or "nothing"
