"""Schedules of the loop on the operators' page and over HTTP: set, looked at, paused, gone on with."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from evalapp.contenders.models import EmbeddingModel
from evalapp.contenders.services.registration import register_model
from evalapp.studies.models import Study
from evalapp.training.models import LoopState, Retraining, Schedule, TrainingRun
from tests import cast

pytestmark = [pytest.mark.django_db, pytest.mark.database]

WORDS: dict[str, Any] = {"study": "match", "name": "weekly", "sources": ["tiny.fc6"], "every_votes": 2000}
TYPED = {"study": "match", "recipe": "adapter", "name": "weekly", "sources": "tiny.fc6", "opens": "on"}


@pytest.fixture(autouse=True)
def study() -> Study:
    register_model(source="tiny-vgg", name="tiny", options={})
    return cast.open_study()


@pytest.fixture
def nudged(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    told: list[int] = []
    monkeypatch.setattr("evalapp.training.pages.loop.nudge", lambda job: told.append(job.pk))
    return told


def send(client: Client, path: str, body: dict[str, Any], method: str = "post") -> Any:
    return getattr(client, method)(f"/api/v1/schedules/{path}", json.dumps(body), content_type="application/json")


def with_a_turn(schedule: Schedule, *, guard_holds: bool) -> Retraining:
    run = TrainingRun.objects.create(
        name="weekly-g1",
        recipe="adapter",
        data=f"study:{schedule.study_id}",
        parent=EmbeddingModel.objects.get(name="tiny"),
        parent_tap="fc6",
        metrics={"guard_holds": guard_holds},
    )
    state = LoopState.PROMOTED if guard_holds else LoopState.STOPPED
    return Retraining.objects.create(study=schedule.study, run=run, schedule=schedule, state=state, note="So it went.")


def test_a_schedule_is_set_looked_at_paused_and_gone_on_with_over_http(admin_client: Client) -> None:
    made = send(admin_client, "", WORDS)
    assert made.status_code == 201, made.content
    told = made.json()
    assert (told["every_votes"], told["every_days"], told["enabled"], told["last_turn"]) == (2000, None, True, None)
    with_a_turn(Schedule.objects.get(), guard_holds=True)
    (listed,) = admin_client.get("/api/v1/schedules/").json()
    assert (listed["last_turn"]["state"], listed["guard_holds"]) == ("promoted", True)
    paused = send(admin_client, f"{told['id']}/", {"enabled": False}, "patch").json()
    assert (paused["enabled"], paused["stopped_because"]) == (False, "Paused by an operator.")
    assert send(admin_client, f"{told['id']}/", {"enabled": True}, "patch").json()["enabled"]
    assert admin_client.get(f"/api/v1/schedules/{told['id']}/").json()["stopped_because"] == ""


@pytest.mark.parametrize(
    ("words", "status", "code"),
    [
        ({**WORDS, "every_votes": None}, 400, "invalid"),
        ({**WORDS, "name": "no name"}, 400, "invalid"),
        ({**WORDS, "recipe": "adaptor"}, 400, "invalid"),
        ({**WORDS, "settings": {"folds": 1}}, 400, "invalid"),
        ({**WORDS, "study": "gone"}, 404, "not_found"),
    ],
)
def test_words_that_are_off_are_told(admin_client: Client, words: dict[str, Any], status: int, code: str) -> None:
    answer = send(admin_client, "", words)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert not Schedule.objects.exists()


def test_schedules_are_for_operators(client: Client) -> None:
    assert client.get("/api/v1/schedules/").status_code in (401, 403)
    assert send(client, "", WORDS).status_code in (401, 403)
    assert client.post("/lab/training/", TYPED).status_code == 302
    assert not Schedule.objects.exists()


def test_the_page_sets_a_schedule_and_tells_its_last_turn_and_guard(admin_client: Client, nudged: list[int]) -> None:
    admin_client.post("/lab/training/", {**TYPED, "every_votes": 2000, "every_days": 7})
    schedule = Schedule.objects.get()
    assert (schedule.how_often, schedule.sources, nudged) == ("every 2,000 votes or 7 days", ["tiny.fc6"], [])
    with_a_turn(schedule, guard_holds=False)
    page = admin_client.get("/lab/training/").content.decode()
    for words in ("every 2,000 votes or 7 days", "weekly-g1", "fell", "Pause weekly"):
        assert words in page, words
    Schedule.objects.update(last_at=timezone.now() - timedelta(days=30))
    admin_client.post(f"/lab/training/schedules/{schedule.pk}/pause/")
    assert "Paused by an operator." in admin_client.get("/lab/training/").content.decode()
    admin_client.post(f"/lab/training/schedules/{schedule.pk}/resume/")
    schedule.refresh_from_db()
    assert schedule.enabled
    assert timezone.now() - schedule.last_at < timedelta(hours=1)
    assert admin_client.post("/lab/training/schedules/999/pause/").status_code == 404


def test_the_page_begins_one_turn_without_a_number(admin_client: Client, nudged: list[int]) -> None:
    answer = admin_client.post("/lab/training/", {**TYPED, "name": "child"}, follow=True)
    assert "A worker learns" in answer.content.decode()
    turn = Retraining.objects.get()
    assert (turn.run.name, turn.opens, nudged) == ("child", True, [turn.run.job_id])


def test_what_is_off_is_told_on_the_page_and_what_was_typed_stays(admin_client: Client, nudged: list[int]) -> None:
    answer = admin_client.post("/lab/training/", {**TYPED, "sources": "nobody"})
    assert answer.status_code == 400
    page = answer.content.decode()
    assert "names no registered model" in page
    assert 'value="nobody"' in page
    assert nudged == []
