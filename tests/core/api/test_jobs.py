"""Jobs over HTTP."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from evalapp.core.models import Job, JobState
from evalapp.core.services import jobs as services
from tests import cast

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture
def olga() -> Client:
    operator = Client()
    operator.force_login(User.objects.create_user("olga", password="secret", is_staff=True))
    return operator


@pytest.mark.parametrize("path", ["", "1/", "1/cancel/", "1/resume/"])
def test_jobs_are_for_operators(client: Client, path: str) -> None:
    call = client.post if path.endswith(("cancel/", "resume/")) else client.get
    assert call(f"/api/v1/jobs/{path}").json()["error"]["code"] == "not_authenticated"


def test_the_newest_come_first_and_a_study_goes_by_its_slug(olga: Client, job: Job) -> None:
    study = cast.open_study()
    newer = services.request_job("precompute", f"study:{study.pk}")

    jobs = olga.get("/api/v1/jobs/").json()["jobs"]

    assert [line["id"] for line in jobs] == [newer.pk, job.pk]
    assert [line["target"] for line in jobs] == [study.slug, "thing 4"]
    assert (jobs[1]["done"], jobs[1]["total"]) == (20, 30)


def test_the_list_is_read_page_by_page(olga: Client) -> None:
    made = [services.request_job("precompute", f"thing:{number}").pk for number in range(5)]
    read: list[int] = []
    before = ""
    while True:
        page = olga.get(f"/api/v1/jobs/?limit=2{before}").json()
        read += [line["id"] for line in page["jobs"]]
        if page["before"] is None:
            break
        before = f"&before={page['before']}"
    assert read == made[::-1]


def test_a_job_tells_its_chunks_by_state_and_what_it_left_out(olga: Client, job: Job) -> None:
    told = olga.get(f"/api/v1/jobs/{job.pk}/").json()

    (stage,) = told["stages"]
    assert (stage["done"], stage["failed"], stage["pending"]) == (1, 1, 1)
    assert told["faults"] == [
        {"thing": "red.png", "reason": "it is not a picture"},
        {"thing": "embed chunk 1", "reason": "out of memory"},
    ]
    assert told["after"] is None


def test_faults_are_read_page_by_page(olga: Client, job: Job) -> None:
    first = olga.get(f"/api/v1/jobs/{job.pk}/?limit=1").json()
    second = olga.get(f"/api/v1/jobs/{job.pk}/?limit=1&after={first['after']}").json()
    assert [first["faults"][0]["thing"], second["faults"][0]["thing"]] == ["red.png", "embed chunk 1"]


def test_cancelling_and_resuming_tells_the_workers(olga: Client, job: Job, messages: list[int]) -> None:
    cancelled = olga.post(f"/api/v1/jobs/{job.pk}/cancel/").json()
    assert (cancelled["state"], cancelled["can_cancel"], cancelled["can_resume"]) == ("cancelled", False, True)
    assert messages == []

    resumed = olga.post(f"/api/v1/jobs/{job.pk}/resume/").json()
    assert (resumed["state"], resumed["can_cancel"], resumed["can_resume"]) == ("running", True, False)
    assert messages == [job.pk] * 2, "one for each of the chunks to do"


def test_what_cannot_be_done_is_a_conflict_in_one_line(olga: Client, job: Job, messages: list[int]) -> None:
    answer = olga.post(f"/api/v1/jobs/{job.pk}/resume/")
    assert answer.status_code == 409
    assert answer.json()["error"]["code"] == "conflict"
    Job.objects.update(state=JobState.DONE)
    assert olga.post(f"/api/v1/jobs/{job.pk}/cancel/").status_code == 409
    assert messages == []


def test_there_is_no_job_of_that_number(olga: Client) -> None:
    for answer in (olga.get("/api/v1/jobs/99/"), olga.post("/api/v1/jobs/99/cancel/")):
        assert answer.status_code == 404
        assert answer.json()["error"]["code"] == "not_found"
