"""The data frame of open-metric-learning, as CSV and as Parquet."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from evalapp.catalog.domain.importers.importer_base import Record, RowFault
from evalapp.catalog.domain.importers.oml import OmlSource
from evalapp.core.domain.errors import InvalidInput

FRAME = pd.DataFrame(
    {
        "label": [0, 0, 7, 7, 8],
        "path": ["a.jpg", "b.jpg", "c.jpg", "c.jpg", "d.jpg"],
        "split": ["train", "train", "validation", "validation", "validation"],
        "is_query": [None, None, True, False, True],
        "is_gallery": [None, None, False, True, True],
        "category": ["dress", "dress", "hat", "hat", None],
        "sequence": [None, None, "s1", None, None],
        "x_1": [None, 1, 2, 20, None],
        "x_2": [None, 9, 10, 30, None],
        "y_1": [None, 2, 3, 3, None],
        "y_2": [None, 8, 11, 12, None],
    }
)


def read(frame: pd.DataFrame, path: Path) -> tuple[list[Record], list[RowFault]]:
    if path.suffix == ".parquet":
        frame.to_parquet(path, engine="pyarrow")
    else:
        frame.to_csv(path, index=False)
    rows = list(OmlSource(path, {}).rows())
    return [row for row in rows if isinstance(row, Record)], [row for row in rows if isinstance(row, RowFault)]


@pytest.mark.parametrize("name", ["frame.csv", "frame.parquet"])
def test_the_frame_is_read_with_its_boxes_left_right_top_bottom(tmp_path: Path, name: str) -> None:
    records, faults = read(FRAME, tmp_path / name)
    assert faults == []
    assert [record.product for record in records] == ["0", "0", "7", "7", "8"]
    assert [record.box for record in records] == [None, (1, 2, 9, 8), (2, 3, 10, 11), (20, 3, 30, 12), None]
    assert [record.key for record in records] == [
        "a.jpg",
        "b.jpg#1,2,9,8",
        "c.jpg#2,3,10,11",
        "c.jpg#20,3,30,12",
        "d.jpg",
    ]
    assert records[2].attributes == {"is_query": "true", "sequence": "s1"}
    assert records[4].attributes == {"is_query": "true", "is_gallery": "true"}
    assert [record.category for record in records] == ["dress", "dress", "hat", "hat", ""]


def test_our_own_columns_are_read_too(tmp_path: Path) -> None:
    frame = FRAME.assign(
        item_id=list("vwxyz"),
        source="shop",
        attributes=['{"colour": "red"}', "colour=blue;fit=slim", "", "", ""],
        brand="B",
    )
    frame["label"] = ["tee", "tee", "cap", "cap", "hat"]
    records, faults = read(frame, tmp_path / "frame.csv")
    assert faults == []
    assert [record.key for record in records] == list("vwxyz")
    assert (records[0].domain, records[0].product) == ("shop", "tee")
    assert records[0].attributes == {"colour": "red", "brand": "B"}
    assert records[1].attributes == {"colour": "blue", "fit": "slim", "brand": "B"}


def test_rows_that_break_the_rules_are_told(tmp_path: Path) -> None:
    frame = FRAME.copy()
    frame["is_query"] = ["True", None, "maybe", "False", "True"]
    frame["is_gallery"] = [None, None, "False", "False", "False"]
    frame["split"] = ["train", "nowhere", "validation", "validation", "validation"]
    records, faults = read(frame, tmp_path / "frame.csv")
    assert [fault.code for fault in faults] == ["broken-row", "broken-row", "broken-row", "no-role", "not-in-gallery"]
    assert [record.path for record in records] == ["c.jpg", "d.jpg"]


def test_a_box_that_is_none_leaves_the_whole_picture(tmp_path: Path) -> None:
    frame = FRAME.copy()
    frame.loc[1, "x_2"] = 0
    frame.loc[2, "y_1"] = None
    records, faults = read(frame, tmp_path / "frame.csv")
    assert [fault.code for fault in faults] == ["bad-box", "bad-box"]
    assert [record.box for record in records][:3] == [None, None, None]


def test_a_frame_that_lacks_columns_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="lacks the columns split, is_query"):
        read(FRAME.drop(columns=["split", "is_query"]), tmp_path / "frame.csv")
    with pytest.raises(InvalidInput, match="a box needs all four"):
        read(FRAME.drop(columns=["x_2"]), tmp_path / "frame.csv")
    (tmp_path / "no.parquet").write_bytes(b"no")
    with pytest.raises(InvalidInput, match="no Parquet"):
        OmlSource(tmp_path / "no.parquet", {})


def test_about_as_many_rows_are_announced(tmp_path: Path) -> None:
    FRAME.to_csv(tmp_path / "frame.csv", index=False)
    FRAME.to_parquet(tmp_path / "frame.parquet", engine="pyarrow")
    assert OmlSource(tmp_path / "frame.csv", {}).count() == OmlSource(tmp_path / "frame.parquet", {}).count() == 5
