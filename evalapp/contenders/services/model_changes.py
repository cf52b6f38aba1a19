"""Models renamed, put away and deleted."""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.utils import timezone

from evalapp.contenders.models import EmbeddingModel
from evalapp.contenders.services.registration import check_model_name
from evalapp.core.domain.errors import Conflict
from evalapp.core.services.deeds import recorded
from evalapp.core.services.dependents import Dependent, delete_row, dependents_of


@recorded("renamed", "model {model}", "{name}")
def rename_model(model: EmbeddingModel, name: str) -> None:
    """Another name from now on; contenders keep the name they competed under. Raises InvalidInput, Conflict."""
    check_model_name(name)
    try:
        with transaction.atomic():
            EmbeddingModel.objects.filter(pk=model.pk).update(name=name)
    except IntegrityError as error:
        raise Conflict(f"There is a model {name} already; choose another name.") from error
    model.name = name


@recorded("put away", "model {model}", "{archived}")
def archive_model(model: EmbeddingModel, *, archived: bool = True) -> None:
    """Offer it no more, or again; studies and searches with it go on."""
    model.archived_at = timezone.now() if archived else None
    model.save(update_fields=["archived_at"])


def needed_by(model: EmbeddingModel) -> list[Dependent]:
    """What stands on the model: what holds it, and what would go with it."""
    return dependents_of(model)


@recorded("deleted", "model {model}")
def delete_model(model: EmbeddingModel) -> None:
    """Delete a model that nothing was made with. Raises Conflict. `storage --prune` deletes vectors of its own."""
    delete_row(model)
