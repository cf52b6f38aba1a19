"""The items among which a study searches."""

from __future__ import annotations

from evalapp.studies.models import Gallery


def gallery_items(study: int) -> list[int]:
    """Item ids in the gallery of the study with this id; raises Gallery.DoesNotExist where there is none."""
    items: list[int] = Gallery.objects.values_list("items", flat=True).get(study=study)
    return items
