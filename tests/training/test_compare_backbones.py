"""`compare-backbones`: the same head on several encoders, worth beside cost, generated and never typed in."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from django.core.management import CommandError, call_command

from evalapp.core.pipeline import chunk_work
from evalapp.training.domain.worth_and_cost import Budget, Cost, plot_of
from evalapp.training.management.commands import compare_backbones
from evalapp.training.models import TrainingRun

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture
def _work_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command's part of the workers is done in this process."""

    def work(_command: object, runs: list[TrainingRun]) -> None:
        for run in runs:
            assert run.job is not None
            while chunk_work.work_on(run.job.pk):
                pass

    monkeypatch.setattr(compare_backbones, "follow_runs", work)


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


def test_a_budget_names_the_best_that_keeps_to_it_and_draws_the_others_hollow() -> None:
    large = Cost("large", 20_000_000, 8, 8, 5.0, (0.9, 0.95, 0.85), (0.5, 0.6, 0.4))
    small = Cost("small", 4_000_000, 8, 8, 9.0, (0.7, 0.75, 0.65), (0.5, 0.6, 0.4))
    elsewhere = Cost("elsewhere", 0, 8, 8, None, (0.8, 0.85, 0.75), (0.5, 0.6, 0.4))
    costs = [large, small, elsewhere]
    assert Budget().best_of(costs) == ""
    assert Budget(5, 10).best_of(costs) == "The best within 5 MB and 10 ms: small, 0.700 (0.650–0.750)."
    assert Budget(5).best_of(costs).startswith("The best within 5 MB: elsewhere")
    assert Budget(1, 1).best_of(costs) == "None keeps to 1 MB and 1 ms."
    plot = plot_of(costs, [], Budget(5))
    large_dot, small_dot = re.findall(r'<circle [^>]*fill="([^"]+)"', plot)
    assert (large_dot, small_dot) == ("none", re.findall(r'<circle [^>]*fill="([^"]+)"', plot_of([small], []))[0])
    assert small_dot != "none"
    assert "hollow: beyond 5 MB" in plot
    assert "none" not in re.findall(r'<circle [^>]*fill="([^"]+)"', plot_of(costs, []))
