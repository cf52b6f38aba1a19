"""Where encoders come from: rounds that follow each other, and the runs between them."""

from __future__ import annotations

from evalapp.studies.models import Query, Study
from evalapp.voting.domain.verdicts import VERDICTS
from evalapp.voting.models import Vote


def rounds_up_to(study: Study) -> list[Study]:
    """The study and the rounds before it over the same catalogue, the first one first."""
    rounds = [study]
    while (earlier := rounds[-1].previous) is not None:
        rounds.append(earlier)
    return rounds[::-1]


def items_asked_about(study: Study) -> list[int]:
    """Ids of the items that pairs of the study and of the rounds before it are made of, whose vectors learning needs:
    the gallery, and the queries, which come from elsewhere where a study asks from one domain in another."""
    queries = Query.objects.filter(study__in=rounds_up_to(study)).values_list("item_id", flat=True)
    return sorted({*study.gallery.items, *queries})


def votes_of(study: Study) -> int:
    """Counted verdicts of the study and of the rounds before it."""
    return Vote.objects.filter(study__in=rounds_up_to(study), counted=True, verdict__in=VERDICTS).count()


def latest_round(study: Study) -> Study:
    """The last round that follows this one; of two that follow the same, the newer."""
    while (following := Study.objects.filter(previous=study).order_by("-pk").first()) is not None:
        study = following
    return study


def salt_of(study: Study) -> str:
    """What fixes the splits of the study's lineage: the same for every round and every generation over a catalogue."""
    return f"votes/{study.catalogue.slug}"
