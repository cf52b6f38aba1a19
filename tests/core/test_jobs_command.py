"""`manage.py jobs`."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from evalapp.core.models import Job, JobState
from evalapp.core.services.jobs import request_job
from tests import cast

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def _jobs(**words: Any) -> str:
    out = StringIO()
    call_command("jobs", stdout=out, **words)
    return out.getvalue()


def test_it_lists_jobs_with_their_study_and_progress(job: Job) -> None:
    study = cast.open_study()
    request_job("precompute", f"study:{study.pk}")
    newest, older = _jobs().splitlines()
    assert f"precompute {study.slug}" in newest
    assert "pending" in newest
    assert "20/30" in older
    (line,) = json.loads(_jobs(json=True, limit=1))
    assert (line["target"], line["state"], line["error"]) == (study.slug, "pending", "")


def test_it_cancels_and_resumes(job: Job, messages: list[int]) -> None:
    assert "is cancelled" in _jobs(cancel=job.pk)
    assert Job.objects.get().state == JobState.CANCELLED
    assert json.loads(_jobs(resume=job.pk, json=True))["state"] == "running"
    assert set(messages) == {job.pk}


def test_it_says_in_one_line_what_cannot_be_done(job: Job, messages: list[int]) -> None:
    for words in ({"resume": job.pk}, {"resume": 99}, {"cancel": 99}):
        with pytest.raises(CommandError) as told:
            _jobs(**words)
        assert told.value.returncode == 1
        assert len(str(told.value).splitlines()) == 1
    assert messages == []


def test_without_jobs_it_says_how_to_ask_for_work() -> None:
    assert "precompute STUDY" in _jobs()
    assert json.loads(_jobs(json=True)) == []
