"""What beat asks for: pairs with known answers for studies that were opened, and a look at who votes."""

from __future__ import annotations

from celery import shared_task

from evalapp.studies.models import Study, StudyState
from evalapp.voting.services import prepare_golds
from evalapp.voting.services.voters import expire_addresses, review_voters


@shared_task(name="voting.prepare")
def prepare() -> None:
    """Known answers for every open study that has none; what is there stays."""
    for study in Study.objects.filter(state=StudyState.OPEN, gold_share__gt=0, golds__isnull=True):
        prepare_golds(study)


@shared_task(name="voting.review")
def review() -> None:
    """Block what votes faster than people can, and forget where voters came from when its time is over."""
    review_voters()
    expire_addresses()
