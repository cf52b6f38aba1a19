"""Operators sign in and out and change their password on pages of the product."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from evalapp.voting.domain.rate_limits import Buckets
from evalapp.voting.pages import sign_in

pytestmark = [pytest.mark.django_db, pytest.mark.database]

OLD, NEW = "right-as-rain-7", "better-than-before-8"


@pytest.fixture(autouse=True)
def _nobody_tried_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sign_in, "sign_ins", Buckets())


@pytest.fixture
def operator() -> User:
    return User.objects.create_user("ada", password=OLD, is_staff=True)


def test_the_lab_sends_people_to_the_products_own_page_and_back(client: Client, operator: User) -> None:
    answer = client.get("/lab/jobs/", follow=True)
    assert answer.redirect_chain[-1][0] == "/sign-in/?next=%2Flab%2Fjobs%2F"
    page = answer.content.decode()
    assert "<h1>Sign in</h1>" in page
    assert "Django" not in page
    assert 'name="next" value="/lab/jobs/"' in page
    assert client.post("/sign-in/", {"username": "ada", "password": OLD, "next": "/lab/jobs/"}).url == "/lab/jobs/"
    assert client.get("/lab/jobs/").status_code == 200


@pytest.mark.parametrize("there", ["", "https://evil.example.org/", "//evil.example.org"])
def test_nobody_is_sent_to_another_site(client: Client, operator: User, there: str) -> None:
    assert client.post("/sign-in/", {"username": "ada", "password": OLD, "next": there}).url == "/lab/"


def test_a_wrong_password_and_an_account_that_is_no_operators_are_told(client: Client, operator: User) -> None:
    answer = client.post("/sign-in/", {"username": "ada", "password": "wrong"})
    assert answer.status_code == 400
    assert 'role="alert"' in answer.content.decode()
    User.objects.update(is_staff=False)
    told = client.post("/sign-in/", {"username": "ada", "password": OLD}, headers={"accept-language": "de"})
    assert "Dieses Konto gehört keinem Betreiber." in told.content.decode()
    assert "_auth_user_id" not in client.session


def test_an_operator_signs_out_by_a_button(client: Client, operator: User) -> None:
    client.force_login(operator)
    assert 'action="/sign-out/"' in client.get("/lab/").content.decode()
    assert client.get("/sign-out/").status_code == 405
    assert client.post("/sign-out/").url == "/"
    assert "_auth_user_id" not in client.session


def test_an_operator_changes_the_password_and_other_sessions_end(client: Client, operator: User) -> None:
    elsewhere = Client()
    for browser in (client, elsewhere):
        browser.force_login(operator)
    words = {"old_password": OLD, "new_password1": NEW, "new_password2": NEW}
    assert "incorrect" in client.post("/lab/password/", {**words, "old_password": "x"}).content.decode()
    answer = client.post("/lab/password/", words, follow=True)
    assert "Your password is changed" in answer.content.decode()
    operator.refresh_from_db()
    assert operator.check_password(NEW)
    assert elsewhere.get("/lab/").status_code == 302
    assert client.get("/lab/").status_code == 200


def test_visitors_change_no_password(client: Client) -> None:
    assert client.get("/lab/password/").url.startswith("/admin/login/")
