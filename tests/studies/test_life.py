from __future__ import annotations

import json

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from evalapp.core.domain.errors import Conflict
from evalapp.studies.models import Contender, Study, StudyState
from evalapp.studies.services import archive_contender, close_study, open_study
from tests import cast

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def test_a_draft_cannot_be_opened_and_says_what_to_do() -> None:
    study = cast.ready_study()
    Study.objects.update(state=StudyState.DRAFT)
    with pytest.raises(Conflict, match="precompute match --wait"):
        open_study(study)


def test_a_study_is_opened_closed_and_opened_again() -> None:
    study = cast.ready_study()
    open_study(study)
    close_study(study)
    study.refresh_from_db()
    assert study.state == StudyState.CLOSED
    open_study(study)
    study.refresh_from_db()
    assert study.is_open
    assert study.closed_at is None


def test_a_contender_that_answers_nothing_keeps_a_study_from_being_opened_until_it_is_archived() -> None:
    study = cast.ready_study()
    silent = Contender.objects.create(study=study, name="silent")
    with pytest.raises(Conflict, match="silent has no answer to any query"):
        open_study(study)
    archive_contender(silent)
    open_study(study)
    study.refresh_from_db()
    assert study.is_open


def test_opening_an_open_study_again_changes_nothing() -> None:
    study = cast.open_study()
    open_study(study)
    assert Study.objects.get().opened_at == study.opened_at


def test_what_is_not_open_cannot_be_closed() -> None:
    with pytest.raises(Conflict, match="is not open"):
        close_study(cast.ready_study())


def test_a_study_that_does_not_exist_is_named_in_one_line() -> None:
    with pytest.raises(CommandError, match="There is no study nothing"):
        call_command("open_study", "nothing")


def test_visitors_see_open_studies_and_nothing_of_their_contenders(client: Client) -> None:
    cast.open_study("match")
    cast.ready_study("secret")

    answer = client.get("/api/v1/studies/")

    assert [study["slug"] for study in answer.json()] == ["match"]
    assert answer.json()[0]["pairs"] > 0
    for word in ("fc6", "hamming", "control", "net"):
        assert word not in json.dumps(answer.json())


def test_a_study_that_was_never_open_is_not_there_for_visitors(client: Client) -> None:
    cast.ready_study("secret")
    answer = client.get("/api/v1/studies/secret/")
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "not_found"


def test_the_list_costs_the_same_for_one_study_and_for_three(
    client: Client, django_assert_max_num_queries: pytest.FixtureRequest
) -> None:
    for slug in ("one", "two", "three"):
        cast.open_study(slug)
    with django_assert_max_num_queries(1):  # type: ignore[operator]
        client.get("/api/v1/studies/")


def test_the_lab_is_for_operators(client: Client, admin_client: Client) -> None:
    cast.open_study("match")
    assert client.get("/lab/").status_code == 302
    page = admin_client.get("/lab/")
    assert page.status_code == 200
    assert "match" in page.content.decode()
