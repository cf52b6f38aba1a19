"""Studies in which voters were set aside by themselves of late: an operator should have a look."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from django.db.models import Count
from django.utils import timezone

from evalapp.core.domain.attention import Matter
from evalapp.voting.domain.void_reasons import BURST, REPORTS, TOO_FAST
from evalapp.voting.models import Vote

LATELY = timedelta(days=7)


def of_voters() -> Iterator[Matter]:
    """One matter for every study."""
    aside = Vote.objects.filter(
        voter__blocked_at__gte=timezone.now() - LATELY, voter__block_reason__in=(TOO_FAST, REPORTS, BURST)
    )
    counted = aside.order_by().values_list("study__slug", "study__title").annotate(n=Count("voter", distinct=True))
    for slug, title, count in counted.order_by("study__slug"):
        text = f"{title}: {count:,} suspicious voter{'' if count == 1 else 's'} set aside"
        yield Matter(text, "lab-voters", (slug,))
