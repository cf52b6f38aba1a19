"""Weights arrive whole and checked, from a server or a file, or with words that name both ways."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from unittest import mock

import pytest

from models_registry import weights
from models_registry.errors import WeightsMissing, WeightsRefused
from models_registry.weights import Published, checked_file, fetch_weights, sha256_of

CONTENT = b"weights" * 500_000
NAME = "vgg16.imagenet"


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        pass


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder served on this machine, from which `vgg16.imagenet` is published for the test."""
    folder = tmp_path / "published"
    folder.mkdir()
    (folder / "vgg.pth").write_bytes(CONTENT)
    handler = partial(QuietHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as http:
        threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True).start()
        address = f"http://127.0.0.1:{http.server_port}/vgg.pth"
        monkeypatch.setitem(weights.PUBLISHED, NAME, Published(address, hashlib.sha256(CONTENT).hexdigest()[:8]))
        yield folder
        http.shutdown()


def leftovers(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_the_published_hash_is_the_one_its_name_carries() -> None:
    published = weights.PUBLISHED[NAME]

    assert published.filename == "vgg16-397923af.pth"
    assert published.sha256_prefix == "397923af"


def test_it_downloads_with_progress_and_says_the_full_hash(server: Path, tmp_path: Path) -> None:
    steps: list[tuple[int, int | None]] = []

    fetched = fetch_weights(NAME, into=tmp_path / "here", on_progress=lambda done, total: steps.append((done, total)))

    assert fetched.path.read_bytes() == CONTENT
    assert (fetched.sha256, fetched.size) == (hashlib.sha256(CONTENT).hexdigest(), len(CONTENT))
    assert steps[-1] == (len(CONTENT), len(CONTENT))
    assert leftovers(tmp_path / "here") == ["vgg.pth"]


def test_what_is_there_is_not_downloaded_again(server: Path, tmp_path: Path) -> None:
    first = fetch_weights(NAME, into=tmp_path / "here")
    (server / "vgg.pth").unlink()

    assert fetch_weights(NAME, into=tmp_path / "here") == first


def test_another_content_is_refused_and_leaves_nothing(server: Path, tmp_path: Path) -> None:
    (server / "vgg.pth").write_bytes(b"something else")

    with pytest.raises(WeightsRefused, match="does not start with"):
        fetch_weights(NAME, into=tmp_path / "here")

    assert leftovers(tmp_path / "here") == []


def test_a_file_at_hand_is_taken_and_checked(server: Path, tmp_path: Path) -> None:
    mine, wrong = tmp_path / "mine.bin", tmp_path / "wrong.bin"
    mine.write_bytes(CONTENT)
    wrong.write_bytes(CONTENT[:-1])

    assert fetch_weights(NAME, file=mine, into=tmp_path / "here").path.name == "vgg.pth"
    with pytest.raises(WeightsRefused, match=r"registered as vgg16\.imagenet:FILE"):
        fetch_weights(NAME, file=wrong, into=tmp_path / "there")
    assert leftovers(tmp_path / "there") == []


def test_without_network_or_file_it_names_both_ways(server: Path, tmp_path: Path) -> None:
    (server / "vgg.pth").unlink()

    for file in (None, tmp_path / "nowhere.pth"):
        with pytest.raises(WeightsMissing, match=r"fetch vgg16\.imagenet\. .*--file FILE") as caught:
            fetch_weights(NAME, file=file, into=tmp_path / "here")
        assert "\n" not in str(caught.value)
    assert leftovers(tmp_path / "here") == []


def test_a_server_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(weights.PUBLISHED, NAME, Published("http://127.0.0.1:9/vgg.pth", "00000000"))

    with pytest.raises(WeightsMissing, match="could not be downloaded"):
        fetch_weights(NAME, into=tmp_path)


def test_a_download_that_breaks_off_leaves_nothing(
    server: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half(self: QuietHandler, source: object, out: object) -> None:
        self.wfile.write(CONTENT[: len(CONTENT) // 2])
        self.close_connection = True

    monkeypatch.setattr(QuietHandler, "copyfile", half)

    with pytest.raises(WeightsMissing, match="could not be downloaded"):
        fetch_weights(NAME, into=tmp_path / "here")

    assert leftovers(tmp_path / "here") == []


def test_a_network_without_published_weights_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match="no published weights"):
        fetch_weights("tiny-vgg", into=tmp_path)


def test_the_folder_is_chosen_by_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(weights.DIRECTORY_VARIABLE, str(tmp_path))
    chosen = weights.weights_directory()
    monkeypatch.delenv(weights.DIRECTORY_VARIABLE)

    assert chosen == tmp_path
    assert weights.weights_directory().parts[-2:] == ("var", "weights")


def test_a_changed_file_does_not_pass(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"one")
    sha256 = sha256_of(path)
    checked_file(path, sha256)
    path.write_bytes(b"two")

    with pytest.raises(WeightsRefused, match="SHA-256 differs"):
        checked_file(path, sha256)


def test_a_network_of_gigabytes_is_read_once_by_a_process_until_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "net.bin"
    path.write_bytes(b"one")
    old = time.time() - 100
    os.utime(path, (old, old))
    with (
        mock.patch.object(weights, "_SETTLED_S", -1.0),
        mock.patch.object(weights.hashlib, "file_digest", wraps=hashlib.file_digest) as read,
    ):
        first = sha256_of(path)
        assert sha256_of(path) == first
        assert read.call_count == 1
        path.write_bytes(b"two")
        assert sha256_of(path) == hashlib.sha256(b"two").hexdigest()


def test_a_file_written_just_now_is_read_each_time(tmp_path: Path) -> None:
    path = tmp_path / "net.bin"
    for words in (b"one", b"two", b"six"):
        path.write_bytes(words)
        assert sha256_of(path) == hashlib.sha256(words).hexdigest()
