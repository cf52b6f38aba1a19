"""The table of several trained parts: what their answers share, and by how much one part beats another."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models_registry.training.labels.attribute_report import graded_table
from models_registry.training.labels.attributes import AttributeTable
from models_registry.training.labels.label_configs import LoopConfig
from models_registry.training.labels.run_context import Session
from tests.models_registry.training.clouds import clouds


def share_of_first_ten(table: AttributeTable, rows: np.ndarray, vectors: np.ndarray) -> float:
    """The mean over pictures of what they share with their ten nearest, by loops."""
    shares = []
    for place, row in enumerate(rows):
        distances = np.linalg.norm(vectors - vectors[place], axis=1)
        own = []
        for other in rows[[one for one in np.argsort(distances) if one != place][:10]]:
            known = [
                name for name in range(len(table.names)) if table.values[row, name] >= 0 <= table.values[other, name]
            ]
            agreed = [name for name in known if table.values[row, name] == table.values[other, name]]
            own.append(len(agreed) / len(known) if known else 0.0)
        shares.append(np.mean(own))
    return float(np.mean(shares))


def test_each_line_tells_what_first_answers_share_and_the_best_part_is_compared_with_the_others(
    tmp_path: Path,
) -> None:
    rng = np.random.default_rng(0)
    data = clouds(products=30)
    told = [
        {name: ("x", "y", "z")[rng.integers(3)] for name in ("colour", "shape") if rng.random() < 0.8}
        for _ in range(len(data))
    ]
    data = replace(data, attributes=told)
    session = Session("multi-level", data, LoopConfig(test_share=0.3), tmp_path)
    rows, table = session.splits["test"], AttributeTable.from_pictures(data)
    colours = np.eye(4, dtype=np.float32)[table.values_of("colour")[rows]]
    noise = rng.standard_normal((len(rows), 4)).astype(np.float32)
    parts = {"good": colours + noise / 10, "poor": noise, "other": rng.permutation(noise)}

    found = graded_table(session, table, parts, "l2", best="good", others=["poor", "other"])

    lines = {line["name"]: line for line in found["table"]["lines"]}
    assert list(lines)[:6] == ["raw features:cosine", "raw features:l2", "colours:l1", "good:l2", "poor:l2", "other:l2"]
    shares = {name: share_of_first_ten(table, rows, vectors) for name, vectors in parts.items()}
    for name, share in shares.items():
        score = lines[f"{name}:l2"]["scores"]["attributes_at_10"]
        assert score["value"] == pytest.approx(share)
        assert score["low"] < share < score["high"]
    assert all("attributes_at_10" in lines[name]["scores"] for name in list(lines)[:6])
    assert all("attributes_at_10" not in line["scores"] for name, line in lines.items() if name not in list(lines)[:6])
    assert found["headline"]["name"] == "good:l2"
    assert found["headline"]["scores"] == lines["good:l2"]["scores"]
    assert set(found["against"]) == {"poor", "other"}
    for name, differences in found["against"].items():
        for score, difference in differences.items():
            own, other = (lines[f"{part}:l2"]["scores"][score]["value"] for part in ("good", name))
            assert difference["value"] == pytest.approx(own - other)
        assert differences["attributes_at_10"]["low"] > 0
        assert {"map_at_r", "attributes_at_10"} <= set(differences)
