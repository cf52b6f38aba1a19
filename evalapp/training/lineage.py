"""Where encoders come from: rounds that follow each other, and the runs between them."""

from __future__ import annotations

from evalapp.studies.models import Study


def rounds_up_to(study: Study) -> list[Study]:
    """The study and the rounds before it over the same catalogue, the first one first."""
    found = [study]
    while (earlier := found[-1].previous) is not None:
        found.append(earlier)
    return found[::-1]


def salt_of(study: Study) -> str:
    """What fixes the splits of the study's lineage: the same for every round and every generation over a catalogue."""
    return f"votes/{study.catalogue.slug}"
