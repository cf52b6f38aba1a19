"""Zips that people send: what is taken, what is refused, and that nothing lands beside the folder."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalapp.catalog.domain.zip_archives import look_into, root_of, table_of, unpack_archive
from evalapp.core.domain.errors import InvalidInput

ENDINGS = frozenset({".jpg", ".png"})
MOST = 10 * 1024 * 1024


def zipped(path: Path, files: dict[str, bytes], packed: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", packed) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def test_a_wrapped_folder_of_folders_begins_below_its_wrapper(tmp_path: Path) -> None:
    files = {"shop/dress/1.jpg": b"a", "shop/shirt/2.jpg": b"b", "__MACOSX/shop/._1.jpg": b"x", "shop/.DS_Store": b"x"}
    archive = zipped(tmp_path / "a.zip", files)
    contents = look_into(archive, most_bytes=MOST, endings=ENDINGS)
    (tmp_path / "out").mkdir()
    unpack_archive(archive, tmp_path / "out", contents)
    root = root_of(tmp_path / "out")
    assert sorted(str(one.relative_to(root)) for one in root.rglob("*.jpg")) == ["dress/1.jpg", "shirt/2.jpg"]
    assert table_of(root) is None


def test_the_only_table_is_found(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "a.zip", {"set/list.csv": b"path\n1.jpg\n", "set/1.jpg": b"a"})
    (tmp_path / "out").mkdir()
    unpack_archive(archive, tmp_path / "out", look_into(archive, most_bytes=MOST, endings=ENDINGS))
    table = table_of(root_of(tmp_path / "out"))
    assert table is not None
    assert table.name == "list.csv"


@pytest.mark.parametrize(
    "name",
    ["../out.jpg", "/etc/1.jpg", "a/../../1.jpg", "..\\..\\1.jpg", "C:/1.jpg", "a\x07/1.jpg", "/".join("a" * 40)],
)
def test_names_that_lead_out_are_skipped(tmp_path: Path, name: str) -> None:
    archive = zipped(tmp_path / "a.zip", {name: b"evil", "fine.jpg": b"a"})
    contents = look_into(archive, most_bytes=MOST, endings=ENDINGS)
    assert [str(entry.path) for entry in contents.entries] == ["fine.jpg"]
    assert len(contents.skipped) == 1


def test_links_are_skipped(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        link = zipfile.ZipInfo("link.jpg")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("fine.jpg", b"a")
    contents = look_into(tmp_path / "a.zip", most_bytes=MOST, endings=ENDINGS)
    assert [str(entry.path) for entry in contents.entries] == ["fine.jpg"]


@given(st.lists(st.text(min_size=1, max_size=30), min_size=1, max_size=5))
def test_nothing_is_ever_written_beside_the_folder(tmp_path_factory: pytest.TempPathFactory, names: list[str]) -> None:
    folder = tmp_path_factory.mktemp("zip")
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("fine.jpg", b"a")
        for name in dict.fromkeys(names):
            archive.writestr(zipfile.ZipInfo(f"{name}.jpg"), b"b")
    (folder / "a.zip").write_bytes(data.getvalue())
    (folder / "out").mkdir()
    contents = look_into(folder / "a.zip", most_bytes=MOST, endings=ENDINGS)
    unpack_archive(folder / "a.zip", folder / "out", contents)
    assert {one.name for one in folder.iterdir()} == {"a.zip", "out"}
    assert not any(one.is_symlink() for one in (folder / "out").rglob("*"))


def test_a_bomb_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "a.zip", {"a.jpg": bytes(5 * 1024 * 1024)}, zipfile.ZIP_DEFLATED)
    with pytest.raises(InvalidInput, match="more tightly") as refused:
        look_into(archive, most_bytes=MOST, endings=ENDINGS)
    assert refused.value.code == "zip_bomb"


def test_more_than_the_limit_is_refused(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "a.zip", {f"{number}.jpg": bytes(1000) for number in range(20)})
    with pytest.raises(InvalidInput, match="unpacks to more than"):
        look_into(archive, most_bytes=10_000, endings=ENDINGS)


def test_a_zip_that_lies_about_its_sizes_is_stopped(tmp_path: Path) -> None:
    data = bytearray(zipped(tmp_path / "a.zip", {"a.jpg": bytes(range(256)) * 4096}, zipfile.ZIP_DEFLATED).read_bytes())
    size = struct.pack("<I", 256 * 4096)
    at = data.rindex(b"PK\x01\x02") + 24
    assert data[at : at + 4] == size
    data[at : at + 4] = struct.pack("<I", 10)
    (tmp_path / "liar.zip").write_bytes(data)
    (tmp_path / "out").mkdir()
    contents = look_into(tmp_path / "liar.zip", most_bytes=MOST, endings=ENDINGS)
    try:
        written = unpack_archive(tmp_path / "liar.zip", tmp_path / "out", contents)
    except InvalidInput:
        written = 0
    assert written <= 10


@pytest.mark.parametrize("data", [b"", b"PK", b"not a zip at all", b"PK\x05\x06" + bytes(18)])
def test_what_is_no_zip_of_pictures_is_refused_in_words(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.zip").write_bytes(data)
    with pytest.raises(InvalidInput) as refused:
        look_into(tmp_path / "a.zip", most_bytes=MOST, endings=ENDINGS)
    assert refused.value.code == "not_zip"


def test_a_locked_zip_is_refused(tmp_path: Path) -> None:
    data = bytearray(zipped(tmp_path / "a.zip", {"a.jpg": b"a"}).read_bytes())
    data[data.rindex(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "a.zip").write_bytes(data)
    with pytest.raises(InvalidInput, match="password"):
        look_into(tmp_path / "a.zip", most_bytes=MOST, endings=ENDINGS)
