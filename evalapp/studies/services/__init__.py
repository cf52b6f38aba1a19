"""The writes of studies: draft one, record what contenders answer, open it, close it, follow it by another round."""

from evalapp.studies.services.drafts import (
    CONTROL,
    MOST_GALLERY,
    MOST_QUERIES,
    MOST_SHARE,
    StudyPlan,
    create_study,
)
from evalapp.studies.services.life import (
    archive_contender,
    change_study,
    close_study,
    mark_ready,
    open_study,
    return_contender,
    store_evaluation,
)
from evalapp.studies.services.nominations import Nominated, deal_slots, note_absent, record_nominations
from evalapp.studies.services.rounds import next_slug, start_round

__all__ = [
    "CONTROL",
    "MOST_GALLERY",
    "MOST_QUERIES",
    "MOST_SHARE",
    "Nominated",
    "StudyPlan",
    "archive_contender",
    "change_study",
    "close_study",
    "create_study",
    "deal_slots",
    "mark_ready",
    "next_slug",
    "note_absent",
    "open_study",
    "record_nominations",
    "return_contender",
    "start_round",
    "store_evaluation",
]
