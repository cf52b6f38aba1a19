"""A lane takes what can begin in time, and nothing else."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from evalapp.core.services.slow_lane import SlowLane


class Clock:
    """Stands still unless it is told to go on."""

    now = 0.0

    def __call__(self) -> float:
        return self.now

    def pass_by(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def release() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def test_what_waits_longer_than_people_do_is_refused(release: threading.Event) -> None:
    clock = Clock()
    lane = SlowLane(threads=1, seconds=1.0, clock=clock)
    lane.submit(lambda: clock.pass_by(0.4)).result(10)
    for waiting in range(3):
        # Three times 0.4 seconds are too long a wait, twice are not.
        assert not lane.is_full, waiting
        lane.submit(lambda: release.wait(10))
    assert lane.is_full
    release.set()


def test_two_threads_wait_half_as_long(release: threading.Event) -> None:
    clock = Clock()
    lane = SlowLane(threads=2, seconds=1.0, clock=clock)
    lane.submit(lambda: clock.pass_by(0.4)).result(10)
    for _ in range(7):
        assert not lane.is_full
        lane.submit(lambda: release.wait(10))
    assert lane.is_full
    release.set()


def test_what_fails_leaves_its_place() -> None:
    lane = SlowLane(threads=1, seconds=0.0, clock=Clock())
    for _ in range(5):
        with pytest.raises(ZeroDivisionError):
            lane.submit(lambda: 1 / 0).result(10)
        assert not lane.is_full
    lane.close()
