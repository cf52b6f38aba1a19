"""What beat asks for: pairs with known answers for studies that were opened."""

from __future__ import annotations

from celery import shared_task

from evalapp.studies.models import Study, StudyState
from evalapp.voting.services import prepare_golds


@shared_task(name="voting.prepare")
def prepare() -> None:
    """Known answers for every open study that has none; what is there stays."""
    for study in Study.objects.filter(state=StudyState.OPEN, gold_share__gt=0, golds__isnull=True):
        prepare_golds(study)
