"""Pictures decoded along the dimensions of a code: as a loop over tiles decodes them one by one."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from models_registry.spec import Preprocess
from models_registry.training.labels.latent_walk import Walk, latent_walk

MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.3, 0.4)


def decoder_of(width: int, side: int) -> nn.Module:
    """Pictures [n, 3, side, side] of codes [n, width], some of them brighter than white or darker than black."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(width, 3 * side * side), nn.Unflatten(1, (3, side, side)))


def decoded_by_loop(
    decoder: nn.Module, codes: np.ndarray, dimensions: list[int], side: int, is_bgr: bool
) -> np.ndarray:
    sheet = np.zeros((len(dimensions) * side, 9 * side, 3), dtype=np.uint8)
    for row, dimension in enumerate(dimensions):
        for column in range(9):
            code = codes.mean(axis=0)
            code[dimension] += (column - 4) / 2 * codes[:, dimension].std()
            with torch.no_grad():
                tile = decoder(torch.from_numpy(code[None].astype(np.float32)))[0].permute(1, 2, 0).numpy()
            tile = np.clip(np.rint((tile * np.array(STD) + np.array(MEAN)) * 255), 0, 255)
            place = slice(row * side, (row + 1) * side), slice(column * side, (column + 1) * side)
            sheet[place] = tile[..., ::-1] if is_bgr else tile
    return sheet


@pytest.mark.parametrize("channels", ["rgb", "bgr"])
@pytest.mark.parametrize(("width", "side"), [(3, 2), (8, 1), (11, 4)])
def test_a_walk_has_a_row_for_each_of_eight_dimensions_and_nine_steps_over_two_deviations_either_way(
    width: int, side: int, channels: Literal["rgb", "bgr"]
) -> None:
    rng = np.random.default_rng(1)
    spreads = rng.permutation(width) + 0.5
    codes = (rng.standard_normal((200, width)) * spreads + 1).astype(np.float32)
    decoder = decoder_of(width, side)
    walk = latent_walk(decoder, codes, Preprocess((side, side), mean=MEAN, std=STD, channels=channels))
    expected = sorted(range(width), key=lambda one: -codes[:, one].std())[:8]
    assert list(walk.dimensions) == expected
    assert walk.spreads == pytest.approx([codes[:, one].std() for one in expected])
    sheet = decoded_by_loop(decoder, codes, expected, side, channels == "bgr")
    assert walk.picture.shape == sheet.shape
    # A number on the edge between two of 255 may be rounded otherwise by another order of sums.
    assert np.abs(walk.picture.astype(int) - sheet).max() <= 1
    assert (walk.picture == sheet).mean() > 0.99
    assert {0, 255} <= set(sheet.ravel().tolist())


def test_dimensions_that_differ_alike_stand_in_their_order() -> None:
    codes = np.array([[0.0, 1.0, 0.0], [2.0, 3.0, 4.0]], dtype=np.float32)
    assert latent_walk(decoder_of(3, 1), codes, Preprocess((1, 1))).dimensions == (2, 0, 1)


def test_what_is_told_of_a_walk_and_the_file_that_it_leaves(tmp_path: Path) -> None:
    picture = np.random.default_rng(0).integers(0, 255, (4, 18, 3), dtype=np.uint8)
    walk = Walk((3, 1), (1.234567, 0.5), picture)
    assert walk.to_json() == {"dimensions": [3, 1], "spreads": [1.2346, 0.5], "steps": 9, "reach": 2.0}
    (tmp_path / "walk.png").write_text("of an earlier run")
    walk.write(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["walk.png"]
    with Image.open(tmp_path / "walk.png") as stored:
        assert np.array_equal(np.asarray(stored), picture)
