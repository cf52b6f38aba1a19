"""Moments that people and files name: read in one place, always with a zone, never where no product was yet."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.utils import timezone
from django.utils.dateparse import parse_datetime

from evalapp.core.domain.errors import InvalidInput

EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)
"""What is stored lies between them: far enough from the ends of the calendar for every zone, database and format."""
GRACE = timedelta(days=1)
"""Clocks without a zone are ahead of UTC by up to fourteen hours."""


def past_moment(text: str) -> datetime:
    """What a file says has happened, in UTC; without a zone it is taken for UTC. Raises InvalidInput.

    It lies between 1990 and now, with a day of grace for clocks of other zones.
    """
    moment = _parse_moment(text)
    if moment is None or not EARLIEST <= moment <= timezone.now() + GRACE:
        raise InvalidInput(f"The time {text!r} is no moment between 1990 and now like 2026-01-31T12:00:00Z.")
    return moment.astimezone(UTC)


def coming_moment(text: str) -> datetime:
    """What is promised for later, in UTC; without a zone it is taken for UTC. Raises InvalidInput."""
    moment = _parse_moment(text)
    if moment is None:
        raise InvalidInput(f"{text!r} is no moment; write it as 2031-05-17T12:00, in UTC.")
    check_coming(moment)
    return moment.astimezone(UTC)


def check_coming(moment: datetime) -> None:
    """Raise InvalidInput unless the moment is to come, and soon enough to be stored."""
    if not timezone.now() < moment < LATEST:
        raise InvalidInput("Choose a moment to come, before the year 2200.", fields={"due_at": ["It is not to come."]})


def _parse_moment(text: str) -> datetime | None:
    try:
        moment = parse_datetime(text)
    except ValueError:
        return None
    if moment is None or timezone.is_aware(moment):
        return moment
    return moment.replace(tzinfo=UTC)
