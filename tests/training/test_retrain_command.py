"""`manage.py retrain`: what it says and what it leaves behind."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.core.management import CommandError, call_command

from evalapp.catalog.models import Catalogue
from evalapp.contenders.models import EmbeddingModel
from evalapp.studies.models import Study
from evalapp.training.models import Schedule, TrainingRun
from tests.training.loops import draw_cards, open_cards

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture
def study(tmp_path: Path, settings: LazySettings) -> Study:
    settings.TRAINING_DIR = tmp_path / "training"
    call_command("import_catalogue", "cards", str(draw_cards(tmp_path / "cards", items=24)))
    return open_cards(Catalogue.objects.get(slug="cards"), queries=12)


def _say(*words: str) -> str:
    out = io.StringIO()
    call_command("retrain", *words, stdout=out)
    return out.getvalue()


def test_without_waiting_it_leaves_a_run_to_a_worker(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[int] = []
    monkeypatch.setattr("evalapp.training.management.commands.retrain.nudge", lambda job: told.append(job.pk))
    words = ("cards", "--name", "child", "--from", "tiny.fc7", "--set", "folds=3", "--seed", "4", "--json")
    answer = json.loads(_say(*words))
    run = TrainingRun.objects.get()
    assert (answer["name"], answer["starts_from"], run.config["folds"], run.seed) == ("child", "tiny.fc7", 3, 4)
    assert told == [run.job_id]


def test_colours_and_texture_stand_beside_the_contenders_without_being_asked_for(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    EmbeddingModel.objects.filter(name="colours").update(name="surface")
    monkeypatch.setattr("evalapp.training.services.start_encoder.votes_of", lambda _study: 1_999)
    _say("cards", "--name", "child")
    spans = [part["tap"] for part in TrainingRun.objects.get().parent.spec["options"]["parts"]]
    assert spans == ["fc6", "fc7", *["embedding"] * 9]
    # The name was taken: the description of the middle has the next one.
    assert EmbeddingModel.objects.get(name="surface-2").spec["family"] == "surface"
    _say("cards", "--name", "another")
    assert EmbeddingModel.objects.filter(spec__family="surface").count() == 1
    # Many votes can weigh more blocks.
    monkeypatch.setattr("evalapp.training.services.start_encoder.votes_of", lambda _study: 2_000)
    _say("cards", "--name", "third")
    spans = [part["tap"] for part in TrainingRun.objects.order_by("pk").last().parent.spec["options"]["parts"]]
    assert spans == ["fc6", "fc7", *["embedding"] * 18]


def test_it_sets_and_ends_a_schedule(study: Study) -> None:
    answer = json.loads(_say("cards", "--name", "weekly", "--every-votes", "2000", "--open", "--json"))
    assert answer == {"schedule": "weekly", "study": "cards", "every_days": None, "every_votes": 2000, "opens": True}
    assert "no more turns" in _say("cards", "--name", "weekly", "--end-schedule")
    assert not Schedule.objects.get().enabled


def test_it_lists_recipes_with_their_settings() -> None:
    told = {entry["name"]: entry["settings"] for entry in json.loads(_say("--list", "--json"))}
    assert {"calibrate", "adapter", "vote-triplets", "taste"} <= set(told)
    assert told["adapter"]["folds"] == 4


@pytest.mark.parametrize("words", [(), ("cards",), ("cards", "--name", "x", "--set", "folds")])
def test_words_that_are_off_end_with_exit_code_two(study: Study, words: tuple[str, ...]) -> None:
    with pytest.raises(CommandError) as caught:
        _say(*words)
    assert caught.value.returncode == 2
