"""Zero votes lost, zero doubled, while everything breaks: the short version of `make faults`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.journeys.storm import Storm, rage

pytestmark = pytest.mark.journey


def test_no_vote_is_lost_or_doubled_while_servers_die_and_the_network_misbehaves(tmp_path: Path) -> None:
    found = rage(Storm(votes=1_000, clients=20, calm=0.7, blows=3, with_worker=False), tmp_path)
    assert found["held"] == found["stored"] >= 1_000
