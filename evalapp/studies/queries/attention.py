"""What of studies waits for an operator: reported pairs, drafts that can be opened, catalogues that moved on."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Count

from evalapp.catalog.models import FlagState
from evalapp.core.domain.attention import Matter
from evalapp.studies.models import PairFlag, Study, StudyState


def of_studies() -> Iterator[Matter]:
    """One matter for every study with reported pairs, and for every one that is ready to be opened."""
    waiting = PairFlag.objects.filter(state=FlagState.SUSPECTED, pair__study__archived_at=None)
    counted = waiting.order_by().values_list("pair__study__slug", "pair__study__title").annotate(n=Count("pk"))
    for slug, title, count in counted.order_by("pair__study__slug"):
        yield Matter(f"{title}: {count:,} reported pair{'' if count == 1 else 's'}", "lab-study-flags", (slug,), True)
    ready = Study.objects.filter(state=StudyState.READY, archived_at=None).order_by("-created_at")
    for slug, title in ready.values_list("slug", "title")[:20]:
        yield Matter(f"{title} is computed and can be opened", "lab-study", (slug,))
