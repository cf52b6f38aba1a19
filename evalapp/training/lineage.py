"""Where encoders come from: rounds that follow each other, and the runs between them."""

from __future__ import annotations

from evalapp.studies.models import Study
from evalapp.voting.models import Vote


def rounds_up_to(study: Study) -> list[Study]:
    """The study and the rounds before it over the same catalogue, the first one first."""
    found = [study]
    while (earlier := found[-1].previous) is not None:
        found.append(earlier)
    return found[::-1]


def votes_of(study: Study) -> int:
    """Counted verdicts of the study and of the rounds before it."""
    return Vote.objects.filter(study__in=rounds_up_to(study), counted=True, verdict__in=("dope", "nope")).count()


def latest_round(study: Study) -> Study:
    """The last round that follows this one; of two that follow the same, the newer."""
    while (following := Study.objects.filter(previous=study).order_by("-pk").first()) is not None:
        study = following
    return study


def salt_of(study: Study) -> str:
    """What fixes the splits of the study's lineage: the same for every round and every generation over a catalogue."""
    return f"votes/{study.catalogue.slug}"
