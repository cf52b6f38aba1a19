"""Live tests: opened and closed, and what was shown in them."""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone

from evalapp.core.domain.errors import Conflict, InvalidInput, NotFound
from evalapp.core.services.deeds import recorded
from evalapp.search.domain.question_token import Shown
from evalapp.search.models import LiveTest, Lookup, SearchIndex

_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,79}")
_UNANSWERED = timedelta(days=1)


@recorded("opened live test", "index {first}", "against {second}")
def open_live_test(first: SearchIndex, second: SearchIndex, slug: str = "") -> LiveTest:
    """From now on whoever searches in the first gets answers of both, mixed and blind.

    Raises InvalidInput where the two cannot be compared, Conflict where the first is in a live test already.
    """
    if first.pk == second.pk or first.catalogue_id != second.catalogue_id:
        raise InvalidInput("Two different indexes of one catalogue are compared.")
    if first.serving_id is None or second.serving_id is None:
        raise InvalidInput("Both indexes have to be built first.")
    number = LiveTest.objects.count() + 1
    name = slug or f"{first.slug[:30]}-{second.slug[:30]}-{number}"
    if not _SLUG.fullmatch(name):
        raise InvalidInput(f"{name!r} cannot stand in an address; use small letters, digits and dashes.")
    try:
        with transaction.atomic():
            return LiveTest.objects.create(slug=name, first=first, second=second)
    except IntegrityError as error:
        raise Conflict(f"{first} is in a live test already, or {name} is taken; close that one first.") from error


@recorded("closed live test", "index {index}")
def close_live_test(index: SearchIndex) -> LiveTest:
    """Raises NotFound where there is none."""
    test = open_test_of(index)
    if test is None:
        raise NotFound(f"{index} is in no live test.")
    test.closed_at = timezone.now()
    test.save(update_fields=["closed_at"])
    return test


def open_test_of(index: SearchIndex) -> LiveTest | None:
    """The live test that searches in this index take part in."""
    if not getattr(index, "is_tested", True):
        return None
    tests = LiveTest.objects.select_related("first", "second__embedding__model", "second__catalogue")
    return tests.filter(first=index, closed_at=None).first()


def note_mixed(index: SearchIndex, test: LiveTest, kind: str, item: int | None, shown: Sequence[Shown]) -> uuid.UUID:
    """Keep what was shown and by whom: the visitor's browser must not hold it, or it would not be blind."""
    rows = [[one.item, one.distance, one.propensity, one.team] for one in shown]
    lookup = Lookup.objects.create(index=index, live_test=test, kind=kind, item_id=item, shown=rows)
    return lookup.token


def forget_unanswered() -> int:
    """Drop mixed lookups that nobody said anything to within a day; returns how many."""
    old = Lookup.objects.filter(voter=None, verdicts=None, asked_at__lt=timezone.now() - _UNANSWERED)
    return old.delete()[0]
