"""What beat asks for: pairs with known answers for studies that were opened, and a look at who votes."""

from __future__ import annotations

from celery import shared_task

from evalapp.studies.models import Study, StudyState
from evalapp.voting.services.gold_pairs import prepare_golds
from evalapp.voting.services.voter_review import review_voters
from evalapp.voting.services.voters import expire_addresses
from evalapp.voting.services.weigh_reports import weigh_all_reports


@shared_task(name="voting.prepare")
def prepare_open_studies() -> None:
    """Known answers for every open study that has none; what is there stays."""
    for study in Study.objects.filter(state=StudyState.OPEN, gold_share__gt=0, golds__isnull=True):
        prepare_golds(study)


@shared_task(name="voting.review")
def review_and_weigh() -> None:
    """Block what does not vote as people do, weigh reports anew, and forget where voters came from when its time is
    over."""
    review_voters()
    weigh_all_reports()
    expire_addresses()
