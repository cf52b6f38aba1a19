"""A hundred cookies that report everything end no study, and a person is told."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from evalapp.studies.models import Study
from evalapp.studies.services import pair_flags
from evalapp.voting.services import weigh_reports
from evalapp.voting.services.voter_review import review_voters
from evalapp.webhooks.models import Delivery
from evalapp.webhooks.services import add_webhook
from tests.attacks import note, sized
from tests.attacks.arena import arena
from tests.attacks.reporting import COOKIES, report_everything

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture
def study() -> Study:
    return arena(queries=sized(60, 300))


def test_reports_of_nobody_with_a_record_take_nothing_out(study: Study) -> None:
    found = report_everything(study, each=sized(20, 100))
    note(
        "100 cookies, each with an address of its own, report all they are dealt",
        "≤ 2 % of pairs out of play",
        f"{100 * found.out_of_play:.1f} %: none has a record, and all are set aside",
    )
    assert (found.out_of_play, found.dealt_to_somebody_new) == (0, 20)
    assert len(review_voters()) == COOKIES


def test_reports_with_a_record_take_out_two_per_cent_and_a_person_is_told(study: Study) -> None:
    add_webhook("https://example.org/", ["reports.waiting"])
    each, first = sized(5, 15), sized(20, 60)
    found = report_everything(study, each=each, answers_first=first)
    note(
        f"100 cookies report after {first} answers each, as often as reports weigh something",
        "≤ 2 % of pairs out of play, study goes on, a person is told",
        f"{100 * found.out_of_play:.1f} %, webhook and lab tell",
    )
    assert 0 < found.out_of_play <= 0.02
    assert found.dealt_to_somebody_new == 20
    assert Delivery.objects.filter(event="reports.waiting", payload__study="arena").exists()
    operator = Client()
    operator.force_login(User.objects.create_user("olga", is_staff=True))
    assert "out of play by voters’ reports alone" in operator.get("/lab/studies/arena/").content.decode()


def test_without_record_and_cap_they_empty_the_study(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it was when three reports of anybody were enough."""
    monkeypatch.setattr(weigh_reports, "FEWEST_VERDICTS", 0)
    monkeypatch.setattr(weigh_reports, "MOST_REPORTS", 1.0)
    monkeypatch.setattr(pair_flags, "MOST_REPORTED", 1.0)
    assert report_everything(study, each=sized(20, 100)).out_of_play > 0.5
