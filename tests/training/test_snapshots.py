"""What a run learnt from can be listed, taken away and learnt from again, whatever became of the catalogue."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from evalapp.catalog.models import Item
from evalapp.core.models import JobState
from tests.training.test_train import train

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def told(capsys: pytest.CaptureFixture[str], *words: Any, **options: Any) -> Any:
    capsys.readouterr()
    call_command("snapshots", *words, json=True, **options)
    return json.loads(capsys.readouterr().out)


def test_a_run_is_repeated_on_labels_that_were_written_over(striped: str, capsys: pytest.CaptureFixture[str]) -> None:
    first = train("retrain", "hidden=8", name="first")
    snapshot = first.card["data"]["snapshot"]
    assert [(line["snapshot"], line["catalogue"], line["runs"]) for line in told(capsys)] == [
        (snapshot, striped, ["first"])
    ]
    Item.objects.update(category="all the same")
    Item.objects.filter(pk__in=Item.objects.order_by("pk").values_list("pk", flat=True)[:5]).update(removed=True)

    again = train("retrain", "hidden=8", f"snapshot={snapshot[:12]}", name="again")

    assert again.state == JobState.DONE, again.job and again.job.error
    assert again.card["data"]["snapshot"] == snapshot
    assert again.model is not None
    assert first.model is not None
    head = (first.workdir / "encoder" / "head.safetensors").read_bytes()
    assert (again.workdir / "encoder" / "head.safetensors").read_bytes() == head
    assert [line["runs"] for line in told(capsys)] == [["first", "again"]]
    # The catalogue as it is now is another one, and here nothing to learn from.
    assert train("retrain", "hidden=8", name="now").state == JobState.FAILED


def test_it_goes_away_and_comes_back_as_a_catalogue(
    striped: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = train("retrain", "hidden=8", name="first")
    snapshot = first.card["data"]["snapshot"]
    Item.objects.filter(pk=Item.objects.order_by("pk")[0].pk).update(category="changed")
    taken = told(capsys, snapshot, output=tmp_path / "taken")
    assert taken["pictures"] == sum(first.card["data"]["pictures"].values())
    with (tmp_path / "taken" / "items.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["category"] for row in rows}.isdisjoint({"changed"})

    call_command("import_catalogue", "returned", str(tmp_path / "taken" / "items.csv"))
    capsys.readouterr()
    call_command("train", "returned", "--recipe", "retrain", "--name", "second", "--base", "tiny", "--set", "hidden=8")
    from evalapp.core.pipeline import chunk_work
    from evalapp.training.models import TrainingRun

    run = TrainingRun.objects.get(name="second")
    assert run.job is not None
    while chunk_work.work_on(run.job.pk):
        pass
    run.refresh_from_db()
    assert run.card["data"]["snapshot"] == snapshot


def test_what_is_not_kept_is_refused_in_words(striped: str, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="no kept snapshot begins so"):
        call_command("snapshots", "0123456789ab", output=tmp_path / "x")
    with pytest.raises(CommandError, match="8 to 64 hex digits"):
        call_command("snapshots", "../../etc", output=tmp_path / "x")
    with pytest.raises(CommandError, match="--output DIR"):
        call_command("snapshots", "0123456789ab")
    run = train("retrain", "hidden=8", "snapshot=0123456789ab", name="lost")
    assert run.state == JobState.FAILED
    assert run.job is not None
    assert "no kept snapshot begins so" in run.job.error
