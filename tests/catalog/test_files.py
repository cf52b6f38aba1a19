"""Files in the storage: whole or not at all, and never twice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.core.files.base import File
from django.core.files.storage import Storage, default_storage

from evalapp.catalog.domain import content_files
from evalapp.catalog.domain.content_files import is_stored, write_once
from evalapp.core.domain.errors import Problem


def in_storage() -> list[str]:
    root = Path(default_storage.path(""))
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def test_it_writes_a_file_and_leaves_nothing_beside_it() -> None:
    write_once("a/b/c", b"data")
    assert in_storage() == ["a/b/c"]
    assert Path(default_storage.path("a/b/c")).read_bytes() == b"data"
    assert is_stored("a/b/c")


def test_what_is_there_is_not_written_again() -> None:
    write_once("a", b"data")
    before = Path(default_storage.path("a")).stat()
    write_once("a", b"atad")
    assert Path(default_storage.path("a")).read_bytes() == b"data"
    assert Path(default_storage.path("a")).stat().st_ino == before.st_ino


def test_what_a_crash_left_of_a_file_is_written_again() -> None:
    write_once("a", b"")
    assert not is_stored("a")
    write_once("a", b"data")
    assert is_stored("a")
    assert Path(default_storage.path("a")).read_bytes() == b"data"


def test_a_writer_that_dies_halfway_leaves_no_file_under_the_name(monkeypatch: pytest.MonkeyPatch) -> None:
    class Killed(BaseException):
        pass

    def die(*_: object) -> None:
        raise Killed

    monkeypatch.setattr(content_files.os, "replace", die)
    with pytest.raises(Killed):
        write_once("a", b"data")
    assert not is_stored("a")


def test_many_writers_of_one_name_agree() -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: write_once("a/b", b"x" * 100_000), range(64)))
    assert in_storage() == ["a/b"]
    assert default_storage.size("a/b") == 100_000


def test_a_storage_that_cannot_be_written_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "media").write_text("a file where the folder should be")
    with pytest.raises(Problem, match="The picture storage cannot be written: Not a directory"):
        write_once("a/b", b"data")


class ObjectStore(Storage):
    """Like S3: objects without paths, which come into being whole."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def _save(self, name: str, content: File) -> str:
        self.objects[name] = content.read()
        return name

    def exists(self, name: str) -> bool:
        return name in self.objects

    def size(self, name: str) -> int:
        return len(self.objects[name])

    def delete(self, name: str) -> None:
        del self.objects[name]


@pytest.fixture
def objects(settings: LazySettings) -> dict[str, bytes]:
    settings.STORAGES = {**settings.STORAGES, "default": {"BACKEND": f"{__name__}.ObjectStore"}}
    return default_storage.objects


def test_an_object_store_is_written_once_too(objects: dict[str, bytes]) -> None:
    write_once("a/b", b"data")
    write_once("a/b", b"atad")
    assert is_stored("a/b")
    assert objects == {"a/b": b"data"}


def test_an_object_that_somebody_else_wrote_first_is_not_stored_beside_it(
    objects: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    objects["a"] = b"data"
    seen = iter([False])
    monkeypatch.setattr(ObjectStore, "exists", lambda self, name: next(seen, name in self.objects))
    write_once("a", b"data")
    assert objects == {"a": b"data"}
