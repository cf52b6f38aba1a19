"""Folders of pictures: with classes, with splits, with neither, with rubbish."""

from __future__ import annotations

from pathlib import Path

import pytest

from evalapp.catalog.domain.importers.folder import FolderSource
from evalapp.catalog.domain.importers.importer_base import Record, RowFault
from evalapp.core.domain.errors import InvalidInput


def laid_out(root: Path, *names: str) -> FolderSource:
    root.mkdir(exist_ok=True)
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"not looked at")
    return FolderSource(root, {})


def records(source: FolderSource) -> list[Record]:
    return [row for row in source.rows() if isinstance(row, Record)]


def test_the_first_folder_is_the_category_however_deep_the_picture(tmp_path: Path) -> None:
    source = laid_out(tmp_path / "set", "shirt/b.jpg", "dress/summer/a.png", "dress/c.webp")
    assert [(row.row, row.key, row.category, row.split) for row in records(source)] == [
        (1, "dress/c.webp", "dress", ""),
        (2, "dress/summer/a.png", "dress", ""),
        (3, "shirt/b.jpg", "shirt", ""),
    ]


def test_folders_of_splits_give_the_split(tmp_path: Path) -> None:
    source = laid_out(tmp_path / "set", "train/dress/a.jpg", "Validation/dress/b.jpg", "test/c.jpg")
    assert [(row.key, row.category, row.split) for row in records(source)] == [
        ("Validation/dress/b.jpg", "dress", "val"),
        ("test/c.jpg", "", "test"),
        ("train/dress/a.jpg", "dress", "train"),
    ]


def test_folders_without_pictures_do_not_hide_the_splits(tmp_path: Path) -> None:
    source = laid_out(tmp_path / "set", "train/dress/a.jpg", "test/dress/b.jpg", "annotations/deep/list.txt")
    assert [(row.category, row.split) for row in records(source)] == [("dress", "test"), ("dress", "train")]


def test_a_class_may_be_called_test_beside_other_classes(tmp_path: Path) -> None:
    source = laid_out(tmp_path / "set", "test/a.jpg", "dress/b.jpg")
    assert {(row.category, row.split) for row in records(source)} == {("test", ""), ("dress", "")}


def test_pictures_without_folders_have_no_category(tmp_path: Path) -> None:
    source = laid_out(tmp_path / "set", "b.JPG", "a.jpeg", "c.Gif", "d.bmp")
    assert [(row.key, row.category) for row in records(source)] == [
        ("a.jpeg", ""),
        ("b.JPG", ""),
        ("c.Gif", ""),
        ("d.bmp", ""),
    ]


def test_what_computers_leave_behind_is_not_seen(tmp_path: Path) -> None:
    source = laid_out(
        tmp_path / "set",
        "__MACOSX/dress/a.jpg", ".cache/a.jpg", "dress/._a.jpg", "dress/Thumbs.db", "dress/notes.txt", "dress/a.jpg",
        "__MACOSX/train/a.jpg",
    )  # fmt: skip
    assert [row.key for row in records(source)] == ["dress/a.jpg"]
    assert source.count() == 1


def test_a_link_to_a_folder_is_reported_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "set" / "dress").mkdir(parents=True)
    (tmp_path / "set" / "round").symlink_to(tmp_path / "set")
    rows = list(laid_out(tmp_path / "set", "dress/a.jpg").rows())
    assert [(type(row), row.path) for row in rows] == [(Record, "dress/a.jpg"), (RowFault, "round")]
    assert isinstance(rows[1], RowFault)
    assert rows[1].code == "linked-folder"


def test_columns_make_no_sense_in_a_folder(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="--map"):
        FolderSource(tmp_path, {"path": "image"})


def test_a_file_is_not_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"")
    with pytest.raises(InvalidInput, match="not a folder"):
        FolderSource(tmp_path / "a.jpg", {})


def told(source: FolderSource) -> list[tuple[str, str]]:
    return [(row.path, row.code) for row in source.rows() if isinstance(row, RowFault)]


def test_pictures_of_kinds_that_are_not_read_are_listed_and_every_jpeg_is_one(tmp_path: Path) -> None:
    source = laid_out(tmp_path / "set", "a/1.tif", "a/2.JFIF", "a/3.jpe", "a/4.jxl", "a/5.CR2", "a/notes.txt")
    assert [row.path for row in records(source)] == ["a/2.JFIF", "a/3.jpe"]
    assert told(source) == [
        ("a/1.tif", "unsupported"),
        ("a/4.jxl", "unsupported"),
        ("a/5.CR2", "unsupported"),
    ]


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["train/shoes/1.jpg", "test/bags/2.jpg", "unlabelled/3.jpg"], "unlabelled not: all of them were taken as"),
        (["dataset/shoes/1.jpg", "dataset/bags/2.jpg"], "All folders lie in dataset, which was taken as the only"),
    ],
)
def test_folders_that_may_have_been_meant_otherwise_are_told(tmp_path: Path, names: list[str], words: str) -> None:
    [fault] = [row for row in laid_out(tmp_path / "set", *names).rows() if isinstance(row, RowFault)]
    assert words in fault.message
    assert not fault.left_out


def test_a_folder_dev_beside_train_is_a_split(tmp_path: Path) -> None:
    source = laid_out(tmp_path / "set", "train/shoes/1.jpg", "dev/bags/2.jpg")
    assert [(row.category, row.split) for row in records(source)] == [("bags", "val"), ("shoes", "train")]
    assert told(source) == []
