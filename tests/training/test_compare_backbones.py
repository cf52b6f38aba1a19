"""`compare-backbones`: the same head on several encoders, worth beside cost, generated and never typed in."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from django.core.management import CommandError, call_command

from evalapp.core import pipeline
from evalapp.training.management.commands import compare_backbones
from evalapp.training.models import TrainingRun

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture
def _work_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command's part of the workers is done in this process."""

    def work(_command: object, runs: list[TrainingRun]) -> None:
        for run in runs:
            assert run.job is not None
            while pipeline.work_on(run.job.pk):
                pass

    monkeypatch.setattr(compare_backbones.Command, "_work", work)


@pytest.mark.usefixtures("_work_here")
def test_worth_and_cost_stand_side_by_side(striped: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--base", "tiny", "--base", "tiny.fc6", "--base", "colours"]
    quick = [word for s in ("epochs=1", "batches=1", "test_share=0.3") for word in ("--set", s)]
    capsys.readouterr()
    call_command("compare_backbones", striped, *words, *quick, output=tmp_path / "out", json=True)
    told = json.loads(capsys.readouterr().out)
    found = {line["backbone"]: line for line in told["backbones"]}
    assert set(found) == {"tiny.pool5", "tiny.fc6", "colours.embedding"}
    for line in found.values():
        value, high, low = line["recall"]
        assert 0 <= low <= value <= high <= 1
        assert line["ms"] > 0
    assert found["tiny.fc6"]["bytes"] > 0
    assert found["colours.embedding"]["bytes"] == 0

    table = (tmp_path / "out" / "table.md").read_text(encoding="utf-8")
    assert table.count("\n") == 2 + len(found) + 2
    assert [line.split(" | ")[0] for line in table.splitlines()[-2:]] == ["| colours alone", "| chance"]
    colours, chance = told["floors"]
    assert colours["recall"][0] > chance["recall"][0]
    plot = ET.parse(tmp_path / "out" / "plot.svg").getroot()  # noqa: S314 - our own file
    assert len([mark for mark in plot if mark.tag.endswith("circle")]) == len(found)
    assert [mark.text for mark in plot if mark.text in {"colours alone", "chance"}] == ["colours alone", "chance"]


def test_one_encoder_is_no_comparison(striped: str) -> None:
    with pytest.raises(CommandError, match="at least two"):
        call_command("compare_backbones", striped, "--base", "tiny")
