"""A table is read in one way whatever it holds, and no row of it is lost without a word."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from evalapp.core.domain.csv_sheets import Sheet, SheetFault, SheetRow
from evalapp.core.domain.errors import InvalidInput
from evalapp.core.domain.values.whole_numbers import whole_number

NEEDED = ("query", "rank", "note")


def sheet(folder: Path, text: str | bytes) -> Sheet:
    path = folder / "sheet.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return Sheet(path, NEEDED)


def told(found: Sheet) -> list[tuple[int, str]]:
    return [(row.line, row.code if isinstance(row, SheetFault) else row["query"]) for row in found.rows()]


@pytest.mark.parametrize(
    "text",
    [
        "query,rank,note\na,1,x\n",
        "query;rank;note\r\na;1;x\r\n",
        "query\trank\tnote\na\t1\tx\n",
        "\ufeffQuery,RANK,Note\na,1,x\n",
        "sep=;\r\nquery;rank;note\r\na;1;x\r\n",
        '\ufeff"sep=,"\nquery,rank,note\na,1,x\n',
        'query, rank, note\n"a", 1, "x"\n',
        "query,rank,note\ra,1,x\r",
        ",query,rank,note\n0,a,1,x\n",
    ],
)
def test_however_a_program_writes_a_table_its_rows_are_the_same(tmp_path: Path, text: str) -> None:
    [row] = sheet(tmp_path, text).rows()
    assert isinstance(row, SheetRow)
    assert (row["query"], row["rank"], row["note"]) == ("a", "1", "x")


def test_a_quote_left_open_costs_its_own_row_only(tmp_path: Path) -> None:
    rows = 'a,1,x\nb,2,"32 inch\nc,3,x\nd,4,"32 inch\ne,5,x\n'
    assert told(sheet(tmp_path, "query,rank,note\n" + rows)) == [
        (2, "a"),
        (3, "malformed-row"),
        (4, "c"),
        (5, "malformed-row"),
        (6, "e"),
    ]


def test_rows_that_a_cell_may_have_swallowed_are_told(tmp_path: Path) -> None:
    found = told(sheet(tmp_path, 'query,rank,note\na,1,"32 inch\nb,2,x\nc,3,32"\nd,4,x\n'))
    assert found == [(2, "rows-in-a-cell"), (2, "a"), (5, "d")]


def test_a_text_of_several_lines_is_one_cell(tmp_path: Path) -> None:
    assert told(sheet(tmp_path, 'query,rank,note\na,1,"red, and\nround"\nb,2,"12"" wide"\nc,3,12" wide\n')) == [
        (2, "a"),
        (4, "b"),
        (5, "c"),
    ]


def test_a_row_of_another_encoding_is_told_and_the_rest_is_read(tmp_path: Path) -> None:
    text = b"query,rank,note\n" + "Müller,1,x\n".encode("latin-1") + b"b\0,2,x\nc,3,x\n"
    assert told(sheet(tmp_path, text)) == [(2, "not-utf-8"), (3, "bad-character"), (4, "c")]


@pytest.mark.parametrize(
    ("start", "words"),
    [
        (b"PK\x03\x04\x14\0", "sheet.csv is an Excel workbook or an archive; save it as CSV UTF-8."),
        ("query,rank".encode("utf-16"), "sheet.csv is UTF-16, not UTF-8; save it as CSV UTF-8."),
        (b"\x1f\x8b\x08", "sheet.csv is compressed; save it as CSV UTF-8."),
        (b"", "sheet.csv has no header: its first row must name the columns."),
        (b"query,rank\na,1\n", "sheet.csv lacks the column note; its first row names query, rank."),
        (b"query,query,rank,note\n", "Two columns bear the name 'query'; rename one."),
    ],
)
def test_what_is_no_table_is_refused_without_its_bytes_and_without_a_path_of_the_server(
    tmp_path: Path, start: bytes, words: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        sheet(tmp_path, start)
    assert refused.value.message.startswith(words)
    assert str(tmp_path) not in refused.value.message


cells = some.text(some.sampled_from('ab" '), max_size=4)


@given(rows=some.lists(some.tuples(cells, cells, cells), max_size=8))
def test_rows_read_and_rows_left_out_are_the_rows_there(
    rows: list[tuple[str, str, str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever quotes stand where."""
    lines = [",".join(row) for row in rows]
    found = list(sheet(tmp_path_factory.mktemp("csv"), "\n".join(["query,rank,note", *lines])).rows())
    there = sum(1 for row in rows if any(cell.strip('" ') for cell in row))
    out = sum(1 for row in found if isinstance(row, SheetRow) or row.left_out)
    remarked = any(isinstance(row, SheetFault) and not row.left_out for row in found)
    assert out >= there or remarked


@pytest.mark.parametrize(
    ("text", "number"),
    [("3", 3), ("3.0", 3), ("0", 0), ("3.5", None), ("-1", None), ("", None), ("٣", None), ("9" * 5000, None)],
)
def test_a_whole_number_is_read_as_people_and_pandas_write_it(text: str, number: int | None) -> None:
    assert whole_number(text, 0, 1000) == number
