"""A moment is read in one place: with a zone, in our time, and never a surprise to a database or a file format."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as some

from evalapp.core.domain.errors import InvalidInput
from evalapp.core.domain.values.moments import EARLIEST, GRACE, coming_moment, past_moment


def test_a_moment_keeps_its_zone_and_is_utc_without_one() -> None:
    assert past_moment("2026-01-31T12:00:00") == datetime(2026, 1, 31, 12, tzinfo=UTC)
    assert past_moment("2026-01-31T12:00:00+05:00") == datetime(2026, 1, 31, 7, tzinfo=UTC)


def test_a_clock_of_another_zone_may_be_ahead_and_a_day_later_may_not() -> None:
    soon = timezone.now() + timedelta(hours=14)
    assert past_moment(soon.isoformat()) == soon
    with pytest.raises(InvalidInput):
        past_moment((timezone.now() + GRACE + timedelta(hours=1)).replace(tzinfo=None).isoformat())


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01T00:00:00", "31.01.2026", "1e9"])
def test_what_is_no_moment_is_refused_in_words(text: str) -> None:
    with pytest.raises(InvalidInput, match="no moment"):
        past_moment(text)


@given(some.datetimes(timezones=some.timezones() | some.none()).map(datetime.isoformat) | some.text())
def test_whatever_is_written_is_a_moment_of_our_time_or_refused(text: str) -> None:
    try:
        moment = past_moment(text)
    except InvalidInput:
        return
    assert moment.tzinfo is UTC
    assert EARLIEST <= moment <= timezone.now() + GRACE


@pytest.mark.parametrize("text", ["9999-12-31T23:59:59-14:00", "2200-01-01T00:00", "2020-01-01T00:00"])
def test_a_promise_is_for_a_moment_to_come_that_can_be_stored(text: str) -> None:
    with pytest.raises(InvalidInput, match="moment to come"):
        coming_moment(text)
