"""From votes to an encoder to a round that decides: the whole turn, in this process."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from evalapp.catalog.models import Catalogue
from evalapp.contenders.models import EmbeddingModel
from evalapp.core.domain.errors import InvalidInput
from evalapp.studies.models import Nomination, Study, StudyState
from evalapp.training.models import LoopState, Retraining, Schedule, TrainingRun
from evalapp.training.services.retraining import advance_turn, begin_retraining
from evalapp.training.services.schedules import begin_due_turns, set_schedule
from tests import cast
from tests.training.loops import alike_in_turn, do, draw_cards, open_cards, play_on, vote

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture
def study(tmp_path: Path, settings: object) -> Study:
    settings.TRAINING_DIR = tmp_path / "training"  # type: ignore[attr-defined]
    call_command("import_catalogue", "cards", str(draw_cards(tmp_path / "cards")))
    return open_cards(Catalogue.objects.get(slug="cards"))


QUICK = {"shape": "scale", "fewest": 20}
"""For what is not about how well it learns."""


def _true_approval(study: Study, contender: str) -> float:
    first = Nomination.objects.filter(contender__study=study, contender__name=contender, rank=1)
    rows = first.select_related("pair__query__item", "pair__candidate")
    return float(np.mean([0.9 if alike_in_turn(row.pair) else 0.1 for row in rows]))


def test_the_crowd_gets_what_it_likes(study: Study) -> None:
    vote(study, 750, alike_in_turn)
    turn = play_on(begin_retraining(study, recipe="adapter", name="child", opens=True))
    assert turn.state == LoopState.VOTING, turn.note
    following = turn.following
    assert following is not None
    assert following.previous == study
    assert following.state == StudyState.OPEN
    names = set(following.contenders.values_list("name", flat=True))
    assert names == {"tiny.fc6:cosine", "tiny.fc7:cosine", "control", "child:cosine"}

    # Nobody is asked what was asked before, and the child's card says where it comes from.
    assert not set(following.queries.values_list("item", flat=True)) & set(study.queries.values_list("item", flat=True))
    assert turn.run.card["learnt_from"] == "cards"
    assert turn.run.metrics["lines"][0]["name"] == "child"

    child = _true_approval(following, "child:cosine")
    parents = max(_true_approval(following, name) for name in ("tiny.fc6:cosine", "tiny.fc7:cosine"))
    assert child > parents + 0.05

    vote(following, 750, alike_in_turn, seed=1)
    assert cast.board(following).decision.winner == "child:cosine"
    assert advance_turn(turn) == []
    turn.refresh_from_db()
    assert turn.state == LoopState.PROMOTED
    assert Study.objects.get(pk=following.pk).state == StudyState.CLOSED


def _the_pages_tell(turn: Retraining, browser: Client) -> None:
    page = browser.get(f"/lab/training/{turn.run.pk}/").content.decode()
    assert "Votes that it never saw" in page
    assert "How much people go by what" in page
    assert "of the catalogue, category known" in page
    assert "as from outside, category kept from it too" in page
    assert "cards-r2" in page
    family = browser.get(f"/lab/training/{turn.run.pk}/lineage/").content.decode()
    for name in ("child", "cards", "joint-", "tiny", "colours"):
        assert name in family, name
    boxes = family.count('class="plot__box')
    assert boxes == family.count("<li>encoder") + family.count("<li>run") + family.count("<li>votes")


def test_coins_promote_nothing(study: Study, admin_client: Client) -> None:
    coin = np.random.default_rng(3)
    vote(study, 750, lambda _: bool(coin.random() < 0.5))
    turn = play_on(begin_retraining(study, recipe="adapter", name="child", opens=True))
    assert turn.following is not None, turn.note
    _the_pages_tell(turn, admin_client)
    vote(turn.following, 500, lambda _: bool(coin.random() < 0.5), seed=1)
    assert advance_turn(turn) == []
    turn.refresh_from_db()
    assert turn.state == LoopState.VOTING
    assert cast.board(turn.following).decision.winner is None


def test_a_schedule_begins_a_turn_after_enough_votes_and_one_at_a_time(study: Study) -> None:
    schedule = set_schedule(study, name="weekly", every_votes=300, every_days=7, settings=QUICK)
    assert begin_due_turns() == []
    vote(study, 300, alike_in_turn)
    (turn,) = begin_due_turns()
    assert (turn.schedule, turn.run.name) == (schedule, "weekly-g1")
    assert begin_due_turns() == []
    turn = play_on(turn)
    assert turn.state == LoopState.VOTING, turn.note

    # The next turn learns from the round that is open now, and from the votes before it.
    assert turn.following is not None
    assert begin_due_turns() == []
    Schedule.objects.update(last_at=timezone.now() - timedelta(days=8))
    (second,) = begin_due_turns()
    assert second.study == turn.following
    assert second.run.name == "weekly-g2"
    turn.refresh_from_db()
    assert turn.state in (LoopState.KEPT, LoopState.PROMOTED)


def test_a_schedule_stops_where_the_guard_falls(study: Study) -> None:
    vote(study, 200, alike_in_turn)
    set_schedule(study, name="weekly", every_votes=1, settings=QUICK)
    (turn,) = begin_due_turns()
    assert turn.run.job is not None
    do(turn.run.job)
    run = TrainingRun.objects.get(pk=turn.run.pk)
    run.metrics = {**run.metrics, "guard_holds": False}
    run.save(update_fields=["metrics"])
    turn = play_on(turn)
    assert turn.state == LoopState.STOPPED, turn.note
    assert turn.following is None
    schedule = Schedule.objects.get()
    assert not schedule.enabled
    assert "guard" in schedule.stopped_because
    assert begin_due_turns() == []


def test_too_few_votes_end_the_turn_with_their_reason(study: Study) -> None:
    vote(study, 50, alike_in_turn, voters=5)
    turn = play_on(begin_retraining(study, recipe="adapter", name="child"))
    assert turn.state == LoopState.FAILED
    assert "100 are needed" in turn.note
    assert not EmbeddingModel.objects.filter(name="child").exists()


WRONG: dict[str, dict[str, object]] = {
    "Did you mean adapter": {"recipe": "adaptor"},
    "no recipe called retrain": {"recipe": "retrain"},
    "fine-tune changes the network itself and starts from one of efficientnet-lite0, tiny-vgg": {"recipe": "fine-tune"},
    "names no registered model": {"sources": ["nobody"]},
    "folds must be at least 2": {"settings": {"folds": 1}},
}


def test_words_that_are_off_are_told_before_anything_begins(study: Study) -> None:
    for reason, words in WRONG.items():
        with pytest.raises(InvalidInput, match=reason):
            begin_retraining(study, **{"recipe": "adapter", "name": "child", **words})  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="Say how often"):
        set_schedule(study, name="weekly")
    assert not TrainingRun.objects.exists()


def test_an_operator_begins_a_turn_over_http(study: Study, admin_client: Client) -> None:
    body = {"study": "cards", "recipe": "adapter", "name": "child", "sources": ["tiny.fc7", "colours"]}
    answer = admin_client.post("/api/v1/training-runs/", body, content_type="application/json")
    assert answer.status_code == 201, answer.content
    told = json.loads(answer.content)
    assert told["learns_from"] == f"study:{study.pk}"
    assert told["starts_from"].startswith("joint-")
    assert Retraining.objects.get().run_id == told["id"]
    both = {**body, "catalogue": "cards", "name": "other"}
    assert admin_client.post("/api/v1/training-runs/", both, content_type="application/json").status_code == 400


def test_calibration_ranks_and_makes_no_encoder(study: Study) -> None:
    vote(study, 200, alike_in_turn)
    turn = play_on(begin_retraining(study, recipe="calibrate", name="how-good", settings={"fewest": 20}))
    assert turn.state == LoopState.KEPT
    assert turn.run.state == "done"
    assert turn.run.model is None
    assert {line["competed"] for line in turn.run.metrics["calibrated"]} == {True}
