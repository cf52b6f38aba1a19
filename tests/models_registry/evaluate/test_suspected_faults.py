"""Faults planted among clouds of pictures are suspected, and clean pictures are left alone."""

from __future__ import annotations

import numpy as np
import pytest

from models_registry.evaluate.suspected_faults import suspected_faults

PER = 40


def clouds(seed: int = 0) -> tuple[np.ndarray, list[str | None], list[str | None]]:
    """Three categories in their own places, and close-ups in one of theirs, of all categories."""
    rng = np.random.default_rng(seed)
    middles = np.eye(4, 16) * 8
    rows = np.concatenate([middle + rng.standard_normal((PER, 16)) for middle in middles]).astype(np.float32)
    categories: list[str | None] = [name for name in ("bag", "hat", "shoe") for _ in range(PER)]
    categories += [("bag", "hat", "shoe")[row % 3] for row in range(PER)]
    flags: list[str | None] = [None] * (3 * PER) + ["close-up"] * (PER - 3) + [None] * 3
    return rows, categories, flags


def test_what_lies_among_flagged_pictures_is_told_with_their_flag() -> None:
    rows, categories, flags = clouds()
    found = suspected_faults(rows, "l2", categories, flags)
    told = {one.row: (one.reason, one.told) for one in found}
    assert {row: told.get(row) for row in range(4 * PER - 3, 4 * PER)} == dict.fromkeys(
        range(4 * PER - 3, 4 * PER), ("like flagged", "close-up")
    )
    assert all(one.row >= 4 * PER - 3 for one in found if one.reason == "like flagged")


def test_a_label_that_no_neighbour_bears_is_told_with_the_one_they_agree_on() -> None:
    rows, categories, flags = clouds()
    categories[5], categories[PER + 7] = "hat", "shoe"
    found = {one.row: (one.reason, one.told) for one in suspected_faults(rows, "l2", categories, flags)}
    assert found[5] == ("wrong label", "bag")
    assert found[PER + 7] == ("wrong label", "hat")


def test_a_picture_far_from_its_own_category_is_told_and_the_farthest_first() -> None:
    rows, categories, flags = clouds()
    rows[3] += 30
    rows[9] += 60
    outliers = [one.row for one in suspected_faults(rows, "l2", categories, flags) if one.reason == "outlying"]
    assert outliers[:2] == [9, 3]


@pytest.mark.parametrize("seed", range(4))
def test_hardly_a_clean_picture_is_suspected(seed: int) -> None:
    rows, categories, flags = clouds(seed)
    clean = suspected_faults(rows[: 3 * PER], "cosine", categories[: 3 * PER], flags[: 3 * PER])
    assert len(clean) <= 2


def test_flagged_pictures_are_not_told_again_and_few_pictures_are_no_error() -> None:
    rows, categories, flags = clouds()
    assert not {one.row for one in suspected_faults(rows, "l2", categories, flags)} & set(range(3 * PER, 4 * PER - 3))
    assert suspected_faults(rows[:1], "l2", ["bag"], [None]) == []
