from __future__ import annotations

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from evalapp.config import env


def test_an_unset_or_empty_variable_takes_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DON_T", raising=False)
    assert env.env_int("DON_T", 7) == 7
    monkeypatch.setenv("DON_T", "  ")
    assert env.env_int("DON_T", 7) == 7
    assert env.env_list("DON_T", ["a"]) == ["a"]


@pytest.mark.parametrize(("text", "value"), [("1", True), ("Yes", True), ("off", False), ("FALSE", False)])
def test_truth_is_spelled_in_several_ways(monkeypatch: pytest.MonkeyPatch, text: str, value: bool) -> None:
    monkeypatch.setenv("DON_T", text)
    assert env.env_bool("DON_T", default=not value) is value


def test_a_value_of_the_wrong_type_is_refused_with_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DON_T", "maybe")
    with pytest.raises(ImproperlyConfigured, match="DON_T='maybe'"):
        env.env_bool("DON_T")
    with pytest.raises(ImproperlyConfigured, match="not a whole number"):
        env.env_int("DON_T", 1)
    monkeypatch.setenv("DON_T", "0")
    with pytest.raises(ImproperlyConfigured, match="the least is 1"):
        env.env_int("DON_T", 5, low=1)


def test_a_secret_may_come_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hush\n")
    monkeypatch.setenv("DON_T_FILE", str(tmp_path / "secret"))
    assert env.env_secret("DON_T") == "hush"


def test_a_secret_given_twice_or_not_readable_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DON_T_FILE", str(tmp_path / "absent"))
    with pytest.raises(ImproperlyConfigured, match="cannot be read"):
        env.env_secret("DON_T")
    monkeypatch.setenv("DON_T", "hush")
    with pytest.raises(ImproperlyConfigured, match="both set"):
        env.env_secret("DON_T")


def test_a_list_is_split_at_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DON_T", "a.example, b.example,,")
    assert env.env_list("DON_T", []) == ["a.example", "b.example"]
