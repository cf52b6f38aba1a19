"""Nothing outside of the data set's folder is ever read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evalapp.catalog.domain.importers import safe_paths
from evalapp.catalog.domain.importers.safe_paths import FileFault, read_inside

SECRET = b"the secret"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder beside a secret, with links of every kind in it."""
    home = tmp_path.resolve() / "home"
    (home / "set" / "deep" / "er").mkdir(parents=True)
    (home / "secret.jpg").write_bytes(SECRET)
    (home / "set-aside").mkdir()
    (home / "set-aside" / "secret.jpg").write_bytes(SECRET)
    root = home / "set"
    (root / "a.jpg").write_bytes(b"picture")
    (root / "deep" / "b.jpg").write_bytes(b"picture")
    (root / "inner.jpg").symlink_to("deep/b.jpg")
    (root / "leak.jpg").symlink_to("../secret.jpg")
    (root / "leaks").symlink_to("..")
    (root / "deep" / "up").symlink_to("../deep")
    (root / "round.jpg").symlink_to("round.jpg")
    (root / "lost.jpg").symlink_to("nowhere.jpg")
    return root


@pytest.mark.parametrize(
    "path", ["a.jpg", "deep/b.jpg", "./deep/../a.jpg", "inner.jpg", "deep/up/b.jpg", "deep//b.jpg"]
)
def test_what_lies_inside_is_read(root: Path, path: str) -> None:
    assert read_inside(root, path) == b"picture"


def test_an_absolute_path_is_fine_as_long_as_it_is_inside(root: Path) -> None:
    assert read_inside(root, str(root / "deep" / "b.jpg")) == b"picture"


@pytest.mark.parametrize(
    "path",
    [
        "../secret.jpg",
        "leak.jpg",
        "leaks/secret.jpg",
        "deep/../../secret.jpg",
        "/etc/hostname",
        "../set-aside/secret.jpg",
        "..",
    ],
)
def test_what_leads_out_is_refused(root: Path, path: str) -> None:
    with pytest.raises(FileFault) as refused:
        read_inside(root, path)
    assert refused.value.code == "outside-folder"


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("none.jpg", "missing-file"),
        ("none/a.jpg", "missing-file"),
        ("a.jpg/b.jpg", "missing-file"),
        ("lost.jpg", "missing-file"),
        ("deep", "unreadable"),
        (".", "unreadable"),
        ("round.jpg", "unreadable"),
        ("x" * 5000, "unreadable"),
        ("nul\0.jpg", "unreadable"),
    ],
)
def test_what_cannot_be_read_is_told_apart(root: Path, path: str, code: str) -> None:
    with pytest.raises(FileFault) as refused:
        read_inside(root, path)
    assert refused.value.code == code


def test_a_pipe_does_not_make_the_import_wait_for_ever(root: Path) -> None:
    os.mkfifo(root / "pipe.jpg")
    with pytest.raises(FileFault) as refused:
        read_inside(root, "pipe.jpg")
    assert refused.value.code == "unreadable"


def test_a_file_too_large_is_not_read(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(safe_paths, "MOST_BYTES", 3)
    with pytest.raises(FileFault) as refused:
        read_inside(root, "a.jpg")
    assert refused.value.code == "too-large"


parts = st.sampled_from(
    ["..", ".", "", "deep", "er", "up", "leaks", "set", "set-aside", "home", "a.jpg", "secret.jpg", "leak.jpg"]
)


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=st.lists(parts, min_size=1, max_size=7), is_absolute=st.booleans())
def test_no_way_of_writing_a_path_reaches_the_secret(root: Path, parts: list[str], is_absolute: bool) -> None:
    path = "/".join(parts)
    try:
        data = read_inside(root, f"{root}/{path}" if is_absolute else path)
    except FileFault:
        return
    assert data == b"picture"


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("im\\a.jpg", "im/a.jpg"),
        ("im/Blus\u00e9.jpg", "im/Bluse\u0301.jpg"),
        ("im/Bluse\u0301.jpg", "im/Blus\u00e9.jpg"),
        ("im\\Blus\u00e9.jpg", "im/Bluse\u0301.jpg"),
    ],
)
def test_a_path_as_another_system_writes_it_leads_to_the_same_file(root: Path, written: str, stored: str) -> None:
    (root / "im").mkdir()
    (root / stored).write_bytes(b"picture")
    assert read_inside(root, written) == b"picture"
    with pytest.raises(FileFault, match="leads out of"):
        read_inside(root, "..\\secret.jpg")
