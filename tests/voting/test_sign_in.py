"""Operators sign in; whoever tries passwords is slowed down."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from evalapp.voting.domain import rate_limits
from evalapp.voting.domain.rate_limits import Buckets
from evalapp.voting.pages import sign_in

pytestmark = [pytest.mark.django_db, pytest.mark.database]

LOGIN = "/sign-in/"


@pytest.fixture(autouse=True)
def _fresh_buckets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sign_in, "sign_ins", Buckets())
    # However long a try takes.
    monkeypatch.setattr(rate_limits, "monotonic", lambda: 0.0)
    User.objects.create_user("olga", password="secret", is_staff=True)


def tried(password: str, address: str = "203.0.113.7", name: str = "olga") -> int:
    return Client().post(LOGIN, {"username": name, "password": password}, REMOTE_ADDR=address).status_code


def test_the_right_password_leads_to_the_lab() -> None:
    answer = Client().post(f"{LOGIN}?next=https://evil.example/", {"username": "olga", "password": "secret"})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/lab/")


def test_after_ten_tries_even_the_right_one_waits() -> None:
    assert [tried("wrong") for _ in range(sign_in.MOST_PER_MINUTE)] == [400] * sign_in.MOST_PER_MINUTE
    assert tried("secret") == 429
    assert "Please wait a minute" in Client().post(LOGIN, REMOTE_ADDR="203.0.113.7").content.decode()


def test_neither_another_name_nor_another_address_goes_round_the_brake() -> None:
    for number in range(sign_in.MOST_PER_MINUTE):
        tried("wrong", name=f"user-{number}")
    assert tried("wrong", name="yet another") == 429
    for number in range(sign_in.MOST_PER_MINUTE):
        tried("wrong", address=f"198.51.100.{number}", name="otto")
    assert tried("wrong", address="198.51.100.99", name="OTTO") == 429
    assert tried("secret", address="192.0.2.1") == 302


def test_looking_at_the_form_costs_nothing() -> None:
    for _ in range(sign_in.MOST_PER_MINUTE + 1):
        assert Client().get(LOGIN).status_code == 200
