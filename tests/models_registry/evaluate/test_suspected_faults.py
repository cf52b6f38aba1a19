"""Faults planted among clouds of pictures are suspected, and clean pictures are left alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest

from models_registry.evaluate.suspected_faults import Suspect, suspected_faults

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


def test_reasons_are_told_in_their_order_however_strong_the_later_ones_are() -> None:
    rows, categories, flags = clouds()
    categories[5] = "hat"
    rows[9] += 60
    found = suspected_faults(rows, "l2", categories, flags)
    told = [one.reason for one in found]
    assert told == sorted(told, key=["like flagged", "wrong label", "outlying"].index)
    assert len(set(told)) == 3
    weakest_flagged = [one.strength for one in found if one.reason == "like flagged"][-1]
    assert weakest_flagged < next(one.strength for one in found if one.reason == "wrong label")


@pytest.mark.parametrize(("pictures", "is_suspected"), [(7, False), (8, True)])
def test_a_category_of_eight_pictures_has_outliers_and_one_of_seven_has_none(pictures: int, is_suspected: bool) -> None:
    rows = np.random.default_rng(0).standard_normal((pictures, 4)).astype(np.float32)
    rows[0] += 100
    found = suspected_faults(rows, "l2", ["bag"] * pictures, [None] * pictures)
    assert [(one.row, one.reason) for one in found] == ([(0, "outlying")] if is_suspected else [])


@pytest.mark.parametrize(("agreeing", "is_suspected"), [(5, False), (6, True)])
def test_six_of_the_ten_nearest_must_agree(agreeing: int, is_suspected: bool) -> None:
    """Picture 0 and its ten nearest in a heap; whoever else there is lies far away and says something else."""
    rows = np.zeros((31, 2), dtype=np.float32)
    rows[1:11, 0] = np.arange(1, 11)
    rows[11:, 0] = np.arange(1000, 1020)
    others = ["shoe", "belt", "sock", "coat", "ring"]
    around: list[str | None] = [*["hat"] * agreeing, *others[: 10 - agreeing]]
    labels = [None, *around, *(["far"] * 20)]
    flagged = [one for one in suspected_faults(rows, "l2", [None] * 31, labels) if one.row == 0]
    wrong = [one for one in suspected_faults(rows, "l2", ["bag", *labels[1:]], [None] * 31) if one.row == 0]
    assert [(one.reason, one.told, one.strength) for one in flagged] == (
        [("like flagged", "hat", 0.6)] if is_suspected else []
    )
    assert [(one.reason, one.told, one.strength) for one in wrong] == (
        [("wrong label", "hat", 0.6)] if is_suspected else []
    )


def test_outliers_are_counted_in_robust_deviations_above_the_median() -> None:
    """Pairs of pictures, each three from its two nearest as the median says; written out."""
    rng = np.random.default_rng(4)
    rows = rng.standard_normal((30, 3)).astype(np.float32)
    rows[:3] *= np.array([[4], [6], [9]], dtype=np.float32)
    table = np.linalg.norm(rows[:, None].astype(float) - rows[None], axis=2)
    distances = np.sort(table, axis=1)[:, 1:4].mean(axis=1)
    middle = np.median(distances)
    deviations = (distances - middle) / (1.4826 * np.median(np.abs(distances - middle)))
    found = {one.row: one.strength for one in suspected_faults(rows, "l2", ["bag"] * 30, [None] * 30)}
    assert found == pytest.approx({row: value for row, value in enumerate(deviations.tolist()) if value > 4}, rel=1e-4)
    assert found


def test_two_pictures_are_enough_to_be_looked_at() -> None:
    rows = np.eye(2, dtype=np.float32)
    [found] = suspected_faults(rows, "l2", [None, None], ["close-up", None])
    assert (found.row, found.reason, found.strength) == (1, "like flagged", 1.0)


def agreed_name(names: Sequence[str | None]) -> tuple[str, float] | None:
    """What six in ten agree on."""
    for name, count in Counter(name for name in names if name).items():
        if count / len(names) >= 0.6:
            return name, count / len(names)
    return None


def suspects_by_loops(
    rows: np.ndarray, categories: Sequence[str | None], flags: Sequence[str | None]
) -> list[tuple[int, str, str, float]]:
    """Row, reason, what speaks for it and how strongly, by a full table of distances."""
    count = len(rows)
    far = np.linalg.norm(rows[:, None].astype(float) - rows[None], axis=2)
    np.fill_diagonal(far, np.inf)
    deviations = dict.fromkeys(range(count), 0.0)
    for name in {name for name in categories if name}:
        own = [row for row in range(count) if categories[row] == name]
        if len(own) >= 8:
            distances = {row: float(np.mean(sorted(far[row, own])[:3])) for row in own}
            middle = float(np.median([*distances.values()]))
            spread = 1.4826 * float(np.median([abs(distance - middle) for distance in distances.values()]))
            deviations |= {row: (distance - middle) / spread for row, distance in distances.items()}
    told: dict[str, list[tuple[int, str, str, float]]] = {"like flagged": [], "wrong label": [], "outlying": []}
    for row in range(count):
        if flags[row]:
            continue
        around = np.argsort(far[row])[: min(10, count - 1)].tolist()
        flagged = agreed_name([flags[other] for other in around])
        other_label = agreed_name([categories[other] for other in around])
        if flagged:
            told["like flagged"].append((row, "like flagged", *flagged))
        elif categories[row] and other_label and categories[row] not in [categories[other] for other in around]:
            told["wrong label"].append((row, "wrong label", *other_label))
        elif deviations[row] > 4:
            told["outlying"].append((row, "outlying", categories[row] or "", deviations[row]))
    return [one for some in told.values() for one in sorted(some, key=lambda suspect: (-suspect[3], suspect[0]))]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("count", [3, 9, 11, 150])
def test_suspects_are_those_of_loops_over_all_pairs(seed: int, count: int) -> None:
    """Clouds with wrong labels, missing ones, flags here and there, and tails that reach far out."""
    rng = np.random.default_rng(seed)
    cloud = rng.integers(0, 4, count)
    rows = (6 * np.eye(4, 6)[cloud] + rng.standard_t(2, (count, 6)) * 0.7).astype(np.float32)
    labels = np.where(rng.random(count) < 0.85, cloud, rng.integers(0, 5, count)).tolist()
    categories = [("bag", "hat", "shoe", "coat", None)[label] for label in labels]
    is_flagged = rng.random(count) < np.where(cloud == 3, 0.7, 0.1)
    flags = [
        ("close-up" if of_cloud == 3 else "") if told else None
        for told, of_cloud in zip(is_flagged, cloud.tolist(), strict=True)
    ]
    found = suspected_faults(rows, "l2", categories, flags)
    wanted = suspects_by_loops(rows, categories, flags)
    assert [(one.row, one.reason, one.told) for one in found] == [suspect[:3] for suspect in wanted]
    assert [one.strength for one in found] == pytest.approx([suspect[3] for suspect in wanted], rel=1e-4)
    if count == 150:
        assert {one.reason for one in found} == {"like flagged", "wrong label", "outlying"}


def test_an_outlier_is_told_with_its_category() -> None:
    rows = np.random.default_rng(0).standard_normal((20, 4)).astype(np.float32)
    rows[7] += 100
    [found] = suspected_faults(rows, "l2", ["bag"] * 20, [None] * 20)
    assert (found.row, found.reason, found.told) == (7, "outlying", "bag")
    assert found.strength > 4


def test_of_equally_strong_suspects_the_first_row_is_told_first() -> None:
    rows = np.eye(4, dtype=np.float32)
    found = suspected_faults(rows, "l2", [None] * 4, ["blur", "blur", None, None])
    assert found == [Suspect(2, "like flagged", "blur", 2 / 3), Suspect(3, "like flagged", "blur", 2 / 3)]


def test_equal_pictures_have_no_spread_and_whatever_lies_off_them_is_told() -> None:
    rows = np.zeros((12, 2), dtype=np.float32)
    rows[4] = 1
    [found] = suspected_faults(rows, "l2", ["bag"] * 12, [None] * 12)
    assert (found.row, found.reason) == (4, "outlying")


def test_no_pictures_are_no_suspects() -> None:
    assert suspected_faults(np.zeros((0, 4), dtype=np.float32), "l2", [], []) == []
