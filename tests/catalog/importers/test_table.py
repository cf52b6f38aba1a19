"""CSV files as people and programs write them."""

from __future__ import annotations

import csv
import tracemalloc
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalapp.catalog.domain.importers.importer_base import Record, RowFault
from evalapp.catalog.domain.importers.table import TableSource
from evalapp.core.domain.errors import InvalidInput


def table(folder: Path, text: str | bytes, mapping: Mapping[str, str] | None = None) -> TableSource:
    path = folder / "items.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return TableSource(path, mapping or {})


def only_record(source: TableSource) -> Record:
    [record] = source.rows()
    assert isinstance(record, Record)
    return record


def codes(source: TableSource) -> list[tuple[int, str]]:
    return [(row.row, row.code if isinstance(row, RowFault) else "record") for row in source.rows()]


def test_columns_that_bear_the_name_of_a_field_need_no_map(tmp_path: Path) -> None:
    record = only_record(
        table(
            tmp_path,
            "path,key,category,product,domain,split,x1,y1,x2,y2,colour\na.jpg,A,dress,p1,shop,train,1,2,3,4,red\n",
        )
    )
    assert record == Record(
        2, "a.jpg", "A", "dress", "p1", "shop", "train", box=(1, 2, 3, 4), attributes={"colour": "red"}
    )


def test_a_map_names_the_column_of_a_field(tmp_path: Path) -> None:
    record = only_record(
        table(tmp_path, "image,label,kids\na.jpg,dress,False\n", {"path": "image", "category": "label"})
    )
    assert (record.path, record.key, record.category) == ("a.jpg", "a.jpg", "dress")
    assert record.attributes == {"kids": "False"}


@pytest.mark.parametrize("name", ["image", "file", "filename", "image_path", "picture"])
def test_the_column_of_pictures_is_known_by_its_usual_names(tmp_path: Path, name: str) -> None:
    assert only_record(table(tmp_path, f"label,{name}\ndress,a.jpg\n")).path == "a.jpg"


def test_a_column_called_path_comes_before_another_usual_name(tmp_path: Path) -> None:
    record = only_record(table(tmp_path, "image,path\nfront view,a.jpg\n"))
    assert (record.path, record.attributes) == ("a.jpg", {"image": "front view"})


def test_a_column_replaced_by_a_map_becomes_an_attribute(tmp_path: Path) -> None:
    record = only_record(table(tmp_path, "path,category,kind\na.jpg,old,new\n", {"category": "kind"}))
    assert record.category == "new"
    assert record.attributes == {"category": "old"}


def test_a_column_may_serve_one_field_only(tmp_path: Path) -> None:
    record = only_record(table(tmp_path, "key,name\na.jpg,A\n", {"path": "key"}))
    assert (record.path, record.key) == ("a.jpg", "a.jpg")


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_header_tells_what_stands_between_columns(tmp_path: Path, delimiter: str) -> None:
    text = delimiter.join(["path", "category", "note"]) + "\n" + delimiter.join(["a.jpg", "dress", "red"]) + "\n"
    record = only_record(table(tmp_path, text))
    assert (record.category, dict(record.attributes)) == ("dress", {"note": "red"})


def test_a_byte_order_mark_and_windows_line_ends_are_fine(tmp_path: Path) -> None:
    assert only_record(table(tmp_path, b"\xef\xbb\xbfpath,category\r\na.jpg,dress\r\n")).category == "dress"


def test_empty_lines_are_no_rows_and_rows_count_as_lines(tmp_path: Path) -> None:
    source = table(tmp_path, 'path,note\n\na.jpg,"two\nlines"\n,,\nb.jpg,x\n')
    assert [(row.row, row.path) for row in source.rows()] == [(3, "a.jpg"), (6, "b.jpg")]


def test_a_row_with_too_many_cells_is_refused_and_a_short_one_is_filled(tmp_path: Path) -> None:
    source = table(tmp_path, "path,category,note\na.jpg,dress,red,and more\nb.jpg\nc.jpg,dress,red,\n")
    assert codes(source) == [(2, "too-many-cells"), (3, "record"), (4, "record")]


def test_a_row_without_a_path_is_reported(tmp_path: Path) -> None:
    assert codes(table(tmp_path, "path,category\n ,dress\nb.jpg,dress\n")) == [(2, "no-path"), (3, "record")]


def test_a_bad_box_is_a_warning_and_the_picture_goes_in_whole(tmp_path: Path) -> None:
    fault, record = table(tmp_path, "path,x1,y1,x2,y2\na.jpg,1,2,three,4\n").rows()
    assert isinstance(fault, RowFault)
    assert (fault.code, fault.left_out) == ("bad-box", False)
    assert isinstance(record, Record)
    assert record.box is None


def test_bytes_that_are_not_utf8_spoil_their_own_row_only(tmp_path: Path) -> None:
    rows = list(table(tmp_path, "path,note\na.jpg,grün\n".encode("cp1252") + "b.jpg,grün\n".encode()).rows())
    assert [row.path for row in rows] == ["a.jpg", "b.jpg"]
    assert isinstance(rows[1], Record)
    assert rows[1].attributes == {"note": "grün"}


def test_an_open_quote_does_not_swallow_the_rest_of_a_large_file(tmp_path: Path) -> None:
    rows = "".join(f"{number}.jpg,dress\n" for number in range(30_000))
    found = list(table(tmp_path, 'path,category\n"a.jpg,dress\n' + rows).rows())
    assert [row.code for row in found if isinstance(row, RowFault)] == ["malformed-row"]
    assert len([row for row in found if isinstance(row, Record)]) > 15_000


@pytest.mark.parametrize(
    ("text", "mapping", "words"),
    [
        (b"photo,label\na.jpg,dress\n", {}, r"add --map path=COLUMN. The file has the columns photo, label\."),
        (b"image,label\n", {"path": "picture"}, r"no such column. The file has the columns image, label\."),
        (b"path,label\n", {"colour": "label"}, "knows no field 'colour'"),
        (b"path,label,label\n", {}, "Two columns bear the name 'label'"),
        (b"", {}, "has no header"),
        ("path,label\na.jpg,dress\n".encode("utf-16"), {}, "not UTF-8"),
        (b"path,gr\xfcn\n", {}, "not UTF-8"),
        (b"\x89PNG\r\n\x1a\n\0\0\0", {}, "not UTF-8"),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused_in_one_line(
    tmp_path: Path, text: bytes, mapping: dict[str, str], words: str
) -> None:
    with pytest.raises(InvalidInput, match=words) as refused:
        table(tmp_path, text, mapping)
    assert "\n" not in str(refused.value)


def test_a_hundred_thousand_rows_take_no_more_memory_than_a_thousand(tmp_path: Path) -> None:
    def peak(rows: int) -> int:
        path = tmp_path / f"{rows}.csv"
        with path.open("w") as file:
            file.write("path,category,colour\n")
            file.writelines(f"folder/{number}.jpg,dress,red\n" for number in range(rows))
        tracemalloc.start()
        try:
            assert sum(1 for _ in TableSource(path, {}).rows()) == rows
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak(100_000) < 1.5 * peak(1_000)


cells = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)


@given(notes=st.lists(cells, max_size=5))
def test_whatever_a_program_writes_comes_back(notes: list[str], tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("csv") / "items.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "note"])
        writer.writerows(["a.jpg", note] for note in notes)
    found = [row.attributes.get("note", "") for row in TableSource(path, {}).rows() if isinstance(row, Record)]
    assert found == notes
