"""Your Dope or Nope: seen by its voter alone, switched off by them, gone when they are forgotten."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from django.conf import LazySettings

from evalapp.studies.models import Study
from evalapp.training.models import TrainingRun, VoterTaste
from evalapp.training.services.voter_tastes import forget_tastes, note_tastes
from evalapp.voting.models import Voter
from evalapp.voting.services.voters import forget_voter
from tests import cast

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture
def study() -> Study:
    return cast.open_study()


@pytest.fixture
def ada() -> Voter:
    return cast.ada()


@pytest.fixture
def run(study: Study, ada: Voter, settings: LazySettings, tmp_path: Path) -> TrainingRun:
    """A run that has learnt of Ada, and of somebody who is gone."""
    settings.TRAINING_DIR = tmp_path
    return _run(study, ada, "first")


def _run(study: Study, ada: Voter, name: str) -> TrainingRun:
    run = TrainingRun.objects.create(
        name=name, recipe="taste", data=f"study:{study.pk}", parent=cast.network(), parent_tap="fc6"
    )
    one = {
        "weights": [0.4, -0.2],
        "leniency": 0.1,
        "votes": 120,
        "matches": [["item-0000", ["item-0004", "item-0009"]]],
    }
    run.workdir.mkdir(parents=True)
    gone = "00000000-0000-4000-8000-000000000000"
    told = {"blocks": ["shapes", "colours"], "voters": {str(ada.pk): one, gone: one}}
    (run.workdir / "voters.json").write_text(json.dumps(told))
    note_tastes(run)
    return run


def _page(voter: Voter | None, study: Study) -> str:
    return cast.browser_of(voter).get(f"/play/{study.slug}/taste/").content.decode().partition("<main")[2]


def test_it_is_kept_for_those_who_are_there_and_leaves_no_file(run: TrainingRun, ada: Voter) -> None:
    taste = VoterTaste.objects.get()
    assert (taste.voter, taste.votes, taste.weights) == (ada, 120, {"shapes": 0.4, "colours": -0.2})
    assert not (run.workdir / "voters.json").exists()


def test_only_its_voter_sees_it(run: TrainingRun, ada: Voter, study: Study) -> None:
    assert "Learnt from 120 answers of yours" in _page(ada, study)
    assert _page(ada, study).count("Match ") == 2
    for other in (None, cast.bo()):
        assert "Nothing yet." in _page(other, study)


def test_switched_off_it_stays_off_in_later_generations(run: TrainingRun, ada: Voter, study: Study) -> None:
    browser = cast.browser_of(ada)
    browser.post(f"/play/{study.slug}/taste/", {"taste": "off"})
    _run(study, ada, "second")
    assert "switched off" in _page(ada, study)
    assert "Match " not in _page(ada, study)
    browser.post(f"/play/{study.slug}/taste/", {"taste": "on"})
    assert _page(ada, study).count("Match ") == 2


def test_who_is_forgotten_has_no_taste_here(run: TrainingRun, ada: Voter) -> None:
    forget_voter(ada)
    assert forget_tastes() == 1
    assert not VoterTaste.objects.exists()


def test_there_is_no_page_of_a_study_that_was_never_open() -> None:
    study = cast.ready_study("draft")
    assert cast.browser_of().get(f"/play/{study.slug}/taste/").status_code == 404
