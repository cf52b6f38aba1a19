"""How live tests stand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from evalapp.search.models import LiveTest, LookupVerdict, SearchIndex
from evalapp.stats.interleaving import LivePreference, live_preference
from evalapp.voting.domain.verdicts import LIKED


def live_tests_of(index: SearchIndex) -> list[LiveTest]:
    """Those that this index began, the newest first."""
    return list(LiveTest.objects.filter(first=index).select_related("first", "second").order_by("-pk")[:10])


def standing_of(test: LiveTest) -> LivePreference:
    """By how much more the first is liked, per verdict, with the bounds that hold at every moment."""
    earned: dict[str, list[int]] = {}
    for voter, team, verdict in _counted_verdicts(test):
        sums = earned.setdefault(voter, [0, 0, 0])
        sums[team - 1] += 1 if verdict == LIKED else -1
        sums[2] += 1
    columns = np.array(list(earned.values()), dtype=np.float64).reshape(-1, 3)
    return live_preference(columns[:, 0], columns[:, 1], columns[:, 2])


def _counted_verdicts(test: LiveTest) -> Iterator[tuple[str, int, str]]:
    """Those of people whose votes count; whoever was forgotten is nobody's cluster but their own."""
    rows = LookupVerdict.objects.filter(lookup__live_test=test, team__isnull=False).exclude(
        lookup__voter__blocked_at__isnull=False
    )
    for lookup, voter, team, verdict in rows.values_list("lookup", "lookup__voter", "team", "verdict"):
        yield str(voter or f"lookup {lookup}"), int(team or 0), verdict


def described_test(test: LiveTest) -> dict[str, Any]:
    """A live test as the API and commands tell of it."""
    standing = standing_of(test)
    winner = {"a": test.first.slug, "b": test.second.slug}.get(standing.preferred or "")
    return {
        "live_test": test.slug,
        "first": test.first.slug,
        "second": test.second.slug,
        "open": test.closed_at is None,
        "verdicts": standing.judgements,
        "voters": standing.visitors,
        "difference": standing.difference if standing.judgements else None,
        "low": standing.low,
        "high": standing.high,
        "winner": winner,
    }
