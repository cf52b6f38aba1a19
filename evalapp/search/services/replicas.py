"""Search processes say how far they are."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta

from django.utils import timezone

from evalapp.search.models import Replica

_GONE = timedelta(hours=1)


def see_replica(
    name: str,
    index: int,
    generation: int,
    *,
    applied_change: int,
    rows: int,
    young: int,
    waiting: int,
    latencies: Sequence[float],
) -> None:
    """One process has this index open and has applied all changes up to that one."""
    Replica.objects.update_or_create(
        name=name,
        index_id=index,
        defaults={
            "generation_id": generation,
            "applied_change": applied_change,
            "rows": rows,
            "young": young,
            "waiting": waiting,
            "latencies": list(latencies),
            "seen_at": timezone.now(),
        },
    )


def forget_replicas(name: str, *, but: Collection[int] = ()) -> None:
    """The process has closed all its indexes but these; rows of processes that are long gone go as well."""
    Replica.objects.filter(name=name).exclude(index__in=but).delete()
    Replica.objects.filter(seen_at__lt=timezone.now() - _GONE).delete()
