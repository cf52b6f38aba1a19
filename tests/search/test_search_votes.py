"""Votes of the kind `search` from end to end: exported with rank and propensity, learnt from, and never on a board."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client

from evalapp.core.domain.errors import Conflict
from evalapp.leaderboard.services import board_of, update_sums
from evalapp.search.models import SearchIndex
from evalapp.studies.models import Study
from evalapp.studies.services import open_study
from evalapp.training.services.retraining import begin_retraining
from evalapp.voting.models import Vote
from tests.search.shop import HUES, ServiceHere
from tests.search.test_feedback import say, search, visitor
from tests.training.loops import do

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture
def study(service: ServiceHere, index: SearchIndex, settings: LazySettings, tmp_path: Path) -> Study:
    """Four people search with every dress, and like what has its colour; the first takes one word back."""
    settings.TRAINING_DIR = tmp_path / "training"
    for number in range(4):
        person = visitor()
        for colour in HUES:
            found = search(person, key=f"{colour}-dress", k=4)
            said = {
                f"a{at}": "dope" if answer["key"].startswith(colour) else "nope"
                for at, answer in enumerate(found["answers"])
            }
            say(person, found, **said)
        if not number:
            say(person, found, a0="undo")
    index.refresh_from_db()
    assert index.study is not None
    return index.study


def read(folder: Path, table: str) -> list[dict[str, str]]:
    with (folder / f"{table}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_exports_hold_them_with_kind_rank_and_propensity(study: Study, tmp_path: Path) -> None:
    call_command("export", study.slug, "--format", "csv", "--output", str(tmp_path / "out"))
    votes = read(tmp_path / "out", "votes")
    assert len(votes) == Vote.objects.count() == 4 * 6 * 4
    assert {vote["kind"] for vote in votes} == {"search"}
    assert {float(vote["propensity"]) for vote in votes} == {1.0}
    assert [vote["void_reason"] for vote in votes if vote["counted"] == "false"] == ["undone"]
    nominations = read(tmp_path / "out", "nominations")
    assert {nomination["contender"] for nomination in nominations} == {"colours.embedding:cosine"}
    assert sorted({int(nomination["rank"]) for nomination in nominations}) == [1, 2, 3, 4]
    assert json.loads((tmp_path / "out" / "manifest.json").read_text())["study"]["slug"] == study.slug


def test_no_board_counts_them_and_nobody_can_open_the_study(study: Study, index: SearchIndex) -> None:
    update_sums(study)
    assert board_of(study).votes == 0
    assert all(line.votes == 0 for line in board_of(study).standings)
    with pytest.raises(Conflict, match="never opened for votes"):
        open_study(study)
    with pytest.raises(CommandError, match="never opened for votes"):
        call_command("open_study", study.slug)
    study.refresh_from_db()
    assert study.state == "ready"
    assert Client().post(f"/api/v1/studies/{study.slug}/deck/", {"n": 1}, "application/json").status_code in {404, 409}


def test_the_lab_says_what_it_is_and_offers_no_opening(study: Study) -> None:
    browser = Client()
    browser.force_login(User.objects.create_superuser("olga"))
    listed = browser.get("/lab/").content.decode()
    assert 'What people said to answers of <a href="/lab/search/shop/">shop</a>' in listed
    assert f"/play/{study.slug}/" not in listed
    page = browser.get(f"/lab/studies/{study.slug}/").content.decode()
    assert "It is never opened, and no board counts it." in page
    assert "confirm-open" not in page
    assert "/precompute/" not in page


def test_retraining_reads_those_that_count(study: Study) -> None:
    """Too few to learn from, and the run says how many it found: all but the one that was taken back."""
    turn = begin_retraining(study, recipe="adapter", name="child", sources=["colours"], settings={"folds": 2})
    do(turn.run.job)  # type: ignore[arg-type]
    turn.run.refresh_from_db()
    assert turn.run.job is not None
    assert f"{study.slug} has 95 votes that can be learnt from" in turn.run.job.error
