"""A worker whose run was taken over, as after an outage of the database, stops and leaves the rest to the other."""

from __future__ import annotations

import pytest

from evalapp.catalog.models import Catalogue
from evalapp.contenders.models import EmbeddingModel
from evalapp.core.models import Chunk
from evalapp.training.models import Epoch
from evalapp.training.pipeline import training_jobs
from evalapp.training.services import training_runs
from models_registry.training.common.recipe_base import EpochReport
from tests.training.loops import do

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def test_a_run_that_was_taken_over_is_left_alone(striped: str, monkeypatch: pytest.MonkeyPatch) -> None:
    run = training_runs.begin_run(
        name="child",
        recipe="retrain",
        data=f"catalogue:{Catalogue.objects.get(slug=striped).pk}",
        parent=EmbeddingModel.objects.get(name="tiny"),
        parent_tap="fc6",
        settings={"epochs": "5", "hidden": "8", "validation_share": "0.2"},
        learns_from="labels",
    )
    noted: list[int] = []
    note = training_runs.note_epoch

    def taken_over(one: object, report: EpochReport) -> bool:
        is_new = note(run, report)
        noted.append(report.epoch)
        Chunk.objects.filter(job=run.job, stage="train").update(claim=99)
        return is_new

    monkeypatch.setattr(training_jobs.training_runs, "note_epoch", taken_over)

    do(run.job)

    run.refresh_from_db()
    assert noted == [0]
    assert not run.card
    assert not (run.workdir / "encoder").exists()


def test_a_worker_that_dies_after_an_epoch_does_not_use_up_the_attempts_of_the_run(
    striped: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = training_runs.begin_run(
        name="child",
        recipe="retrain",
        data=f"catalogue:{Catalogue.objects.get(slug=striped).pk}",
        parent=EmbeddingModel.objects.get(name="tiny"),
        parent_tap="fc6",
        settings={"epochs": "7", "patience": "7", "hidden": "8", "validation_share": "0.2"},
        learns_from="labels",
    )
    progress = training_jobs.jobs.note_progress
    deaths: list[int] = []

    def dies_once_it_got_further(chunk: Chunk) -> bool:
        assert progress(chunk)
        deaths.append(Epoch.objects.filter(run=run).count() - 1)
        raise RuntimeError("The machine was taken away.")

    monkeypatch.setattr(training_jobs.jobs, "note_progress", dies_once_it_got_further)

    do(run.job)

    run.refresh_from_db()
    assert deaths == [0, 1, 2, 3, 4, 5, 6, 7]
    assert run.model is not None
