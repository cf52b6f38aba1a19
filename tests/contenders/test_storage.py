"""`manage.py storage`: what lies there, whether it is right, and what nobody needs."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.management import CommandError, call_command

from evalapp.catalog.models import Catalogue
from evalapp.contenders.models import EmbeddingModel
from evalapp.core.models import Job, JobState
from evalapp.core.pipeline import chunk_work
from evalapp.core.services.jobs import request_job
from evalapp.studies.models import Study
from evalapp.studies.services import StudyPlan, create_study
from evalapp.training.models import TrainingRun
from models_registry.store import VectorStore, key_for_item

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def _storage(**words: Any) -> Any:
    out = StringIO()
    call_command("storage", stdout=out, json=True, **words)
    return json.loads(out.getvalue())


@pytest.fixture
def study(cards: Catalogue, settings: LazySettings) -> Study:
    """A study whose vectors lie in three shards, one of them of pictures that it does not use, and those of nobody."""
    settings.CHUNK_PICTURES = 8
    plan = StudyPlan(slug="all", catalogue=cards, contenders=["colours:l1"])
    everything = create_study(plan)
    job = request_job("precompute", f"study:{everything.pk}")
    while chunk_work.work_on(job.pk, seconds=60):
        pass
    VectorStore(Path(settings.EMBEDDINGS_DIR)).tap_store("f" * 64, "gone").write([key_for_item("x")], [[1.0, 2.0]])
    return everything


def test_it_lists_vectors_with_who_needs_them(study: Study) -> None:
    (largest, other) = _storage()
    assert (largest["model"], largest["tap"], largest["vectors"], largest["needed_by"]) == (
        "colours", "embedding", 24, ["all"],
    )  # fmt: skip
    assert (other["model"], other["needed_by"], other["vectors"]) == ("", [], 1)
    assert largest["bytes"] > 24 * 368 * 4
    out = StringIO()
    call_command("storage", stdout=out)
    assert "nobody" in out.getvalue()


def test_pruning_deletes_what_nobody_needs_and_nothing_else(study: Study) -> None:
    assert [gone["tap"] for gone in _storage(prune=True)] == ["gone"]
    assert [(one["tap"], one["vectors"]) for one in _storage()] == [("embedding", 24), ("gone", 0)]
    assert _storage(prune=True) == []

    study.gallery.items = study.gallery.items[:8]
    study.gallery.save()
    study.queries.exclude(item__in=study.gallery.items).delete()
    _storage(prune=True)
    assert 8 <= _storage()[0]["vectors"] < 24


@pytest.mark.parametrize("state", [JobState.RUNNING, JobState.FAILED])
def test_what_a_run_learns_from_stays_until_it_is_done(study: Study, state: JobState) -> None:
    model = EmbeddingModel.objects.get(name="colours")
    study.delete()
    job = Job.objects.create(kind="train", target="training:1", state=state)
    words = {"recipe": "retrain", "parent": model, "parent_tap": "embedding", "job": job}
    TrainingRun.objects.create(name="colours-2", data=f"catalogue:{study.catalogue_id}", **words)
    assert _storage()[0]["needed_by"] == ["training colours-2"]
    assert [gone["tap"] for gone in _storage(prune=True)] == ["gone"]

    Job.objects.update(state=JobState.DONE)
    assert [gone["tap"] for gone in _storage(prune=True)] == ["embedding"]


def test_a_shard_that_was_spoilt_is_found(study: Study, settings: LazySettings) -> None:
    assert _storage(verify=True) == []
    file = next(Path(settings.EMBEDDINGS_DIR).rglob("vectors.npy"))
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(bytes(data))
    assert _storage(verify=True)[0]["reason"].startswith("vectors.npy is not what was written")
    with pytest.raises(CommandError, match="1 shards are broken"):
        call_command("storage", verify=True)
