"""The operators' page of a job, and its buttons."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from evalapp.core.models import Job, JobState
from evalapp.core.services import jobs

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture
def olga() -> Client:
    operator = Client(enforce_csrf_checks=True)
    operator.force_login(User.objects.create_user("olga", password="secret", is_staff=True))
    return operator


def _press(operator: Client, page: str, button: str, job: Job) -> str:
    """Press a job's button on a page; the text of the page that follows."""
    shown = operator.get(page)
    form = shown.content.decode().split(f'action="/lab/jobs/{job.pk}/{button}/"')[1].split("</form>")[0]
    token = form.split('name="csrfmiddlewaretoken" value="')[1].split('"')[0]
    back = form.split('name="next" value="')[1].split('"')[0]
    assert back == page
    answer = operator.post(f"/lab/jobs/{job.pk}/{button}/", {"csrfmiddlewaretoken": token, "next": back})
    assert answer.headers["Location"] == page
    return operator.get(page).content.decode()


def test_it_shows_chunks_by_state_and_the_pictures_left_out(olga: Client, job: Job) -> None:
    text = olga.get(f"/lab/jobs/{job.pk}/").content.decode()
    for words in ("precompute thing 4", "20 / 30", "red.png", "it is not a picture", "out of memory"):
        assert words in text


@pytest.mark.parametrize("page", ["/lab/jobs/", "/lab/jobs/{}/"])
def test_a_job_is_cancelled_and_resumed_by_its_buttons(olga: Client, job: Job, page: str, messages: list[int]) -> None:
    page = page.format(job.pk)
    assert f"Job {job.pk} is cancelled." in _press(olga, page, "cancel", job)
    assert f"Job {job.pk} goes on." in _press(olga, page, "resume", job)
    assert messages == [job.pk] * 2


def test_a_job_that_is_done_has_no_buttons(olga: Client, job: Job) -> None:
    Job.objects.update(state=JobState.DONE)
    assert "<form" not in olga.get(f"/lab/jobs/{job.pk}/").content.decode().partition("</main>")[0]


def test_what_cannot_be_done_is_told_on_the_page(job: Job) -> None:
    operator = Client()
    operator.force_login(User.objects.create_user("olga", password="secret", is_staff=True))
    jobs.cancel_job(job)
    answer = operator.post(f"/lab/jobs/{job.pk}/cancel/", {"next": "https://elsewhere.example/"}, follow=True)
    assert answer.redirect_chain == [(f"/lab/jobs/{job.pk}/", 302)]
    assert "ended already" in answer.content.decode()


def test_visitors_are_asked_to_sign_in_and_change_nothing(client: Client, job: Job) -> None:
    for answer in (client.get(f"/lab/jobs/{job.pk}/"), client.post(f"/lab/jobs/{job.pk}/cancel/")):
        assert answer.headers["Location"].startswith("/admin/login/")
    assert Job.objects.get().state == JobState.RUNNING


def test_there_is_no_job_of_that_number(olga: Client) -> None:
    assert olga.get("/lab/jobs/99/").status_code == 404
