"""Numbers as each language writes them, and never otherwise where programs read."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.utils import translation

from evalapp.core.domain.values import localised_numbers

SPACE = "\u00a0"
WRITTEN = {
    "en": ("1,234.5", "65.4%", "2026-05-17 09:30"),
    "de": ("1.234,5", f"65,4{SPACE}%", "17.05.2026 09:30"),
    "es": (f"1{SPACE}234,5", f"65,4{SPACE}%", "17/05/2026 09:30"),
    "fr": (f"1{SPACE}234,5", f"65,4{SPACE}%", "17/05/2026 09:30"),
    "ja": ("1,234.5", "65.4%", "2026/05/17 9:30"),
}


@pytest.mark.parametrize("language", WRITTEN)
def test_each_language_writes_numbers_its_own_way(language: str) -> None:
    when = datetime(2026, 5, 17, 9, 30, tzinfo=UTC)
    with translation.override(language):
        assert (
            localised_numbers.number(1234.5, 1),
            localised_numbers.share(0.654, 1),
            localised_numbers.moment(when),
        ) == WRITTEN[language]


def test_less_than_nothing_has_a_true_minus_and_nothing_has_none() -> None:
    assert [localised_numbers.signed(value, 1) for value in (3.44, -3.44, -0.01, 0)] == ["+3.4", "−3.4", "+0.0", "+0.0"]
    assert [localised_numbers.number(value, 2) for value in (-0.25, -0.001)] == ["−0.25", "0.00"]
    assert [localised_numbers.shortest(value) for value in (2.0, 0.5)] == ["2", "0.5"]
    with translation.override("de"):
        assert (localised_numbers.signed(-1234.5, 1), localised_numbers.shortest(0.5)) == ("−1.234,5", "0,5")


def test_without_a_language_it_is_english() -> None:
    with translation.override(None):
        assert localised_numbers.number(1234.5, 1) == "1,234.5"
        assert localised_numbers.moment(datetime(2026, 5, 17, tzinfo=UTC)) == "2026-05-17 00:00"
