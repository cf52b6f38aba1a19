"""The writes of studies: draft one, record what contenders answer, open it, close it, follow it by another round."""

from evalapp.studies.services.drafts import (
    CONTROL,
    EXCLUSIONS,
    MOST_GALLERY,
    MOST_MARGIN,
    MOST_QUERIES,
    MOST_SHARE,
    StudyPlan,
    create_study,
)
from evalapp.studies.services.nominations import Nominated, deal_slots, note_absent, record_nominations
from evalapp.studies.services.rounds import next_slug, start_round
from evalapp.studies.services.study_changes import (
    archive_study,
    copy_study,
    delete_study,
    set_embed_hosts,
    set_examples,
    study_needed_by,
)
from evalapp.studies.services.study_states import (
    archive_contender,
    change_study,
    close_study,
    mark_ready,
    open_study,
    return_contender,
    store_evaluation,
)

__all__ = [
    "CONTROL",
    "EXCLUSIONS",
    "MOST_GALLERY",
    "MOST_MARGIN",
    "MOST_QUERIES",
    "MOST_SHARE",
    "Nominated",
    "StudyPlan",
    "archive_contender",
    "archive_study",
    "change_study",
    "close_study",
    "copy_study",
    "create_study",
    "deal_slots",
    "delete_study",
    "mark_ready",
    "next_slug",
    "note_absent",
    "open_study",
    "record_nominations",
    "return_contender",
    "set_embed_hosts",
    "set_examples",
    "start_round",
    "store_evaluation",
    "study_needed_by",
]
