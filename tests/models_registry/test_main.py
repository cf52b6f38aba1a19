"""`python -m models_registry`: the words, the exit codes, and nothing but JSON where JSON was asked for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from models_registry import registry, weights
from models_registry.__main__ import main
from models_registry.weights import Published


def test_it_lists_every_encoder(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [entry.usage for entry in registry.list_families()]


def test_it_lists_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--json"]) == 0

    entries = json.loads(capsys.readouterr().out)
    assert {entry["name"] for entry in entries} == set(registry.FAMILIES)


def test_it_fetches_from_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine").write_bytes(b"")
    empty_hash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    monkeypatch.setitem(weights.PUBLISHED, "vgg16.imagenet", Published("http://127.0.0.1:9/vgg.pth", "e3b0c442"))

    words = ["fetch", "vgg16.imagenet", "--file", str(tmp_path / "mine"), "--dir", str(tmp_path / "here")]
    assert main([*words, "--json"]) == 0

    answer = json.loads(capsys.readouterr().out)
    assert answer == {"path": str(tmp_path / "here" / "vgg.pth"), "sha256": empty_hash, "size": 0}


def test_a_failure_is_one_line_on_standard_error_and_exit_code_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fetch", "vgg16.imagenet", "--file", str(tmp_path / "none"), "--dir", str(tmp_path)]) == 1

    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1


def test_wrong_words_are_exit_code_2() -> None:
    for words in ([], ["fetch"], ["fetch", "tiny-vgg"], ["sing"]):
        with pytest.raises(SystemExit) as caught:
            main(words)
        assert caught.value.code == 2
