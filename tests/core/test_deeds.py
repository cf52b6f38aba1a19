"""Who did what, on what, when: by every door, once each, and for ever."""

from __future__ import annotations

import getpass
from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.test import Client
from rest_framework.authtoken.models import Token

from evalapp.core.domain.errors import Conflict
from evalapp.core.models import Deed
from evalapp.core.services.deeds import COMMAND, acting, recorded
from evalapp.studies.models import Study
from evalapp.studies.services import close_study, open_study
from evalapp.voting.domain.void_reasons import TOO_FAST
from evalapp.voting.services.voters import block_address, block_voter
from tests import cast

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture
def user() -> User:
    return User.objects.create_user("olga", password="secret", is_staff=True)


@pytest.fixture
def olga(user: User) -> Client:
    operator = Client()
    operator.force_login(user)
    return operator


def lines() -> list[tuple[str, str, str, str, str]]:
    return list(Deed.objects.order_by("pk").values_list("who", "door", "what", "target", "detail"))


class TestDoors:
    def test_a_page_names_who_is_signed_in(self, olga: Client) -> None:
        cast.open_study()
        olga.post("/lab/studies/match/close/")
        assert lines() == [("olga", "page", "closed", "study match", "")]

    def test_the_api_names_whose_token_it_was(self, user: User) -> None:
        cast.open_study()
        token = Token.objects.create(user=user)
        Client(headers={"authorization": f"Token {token.key}"}).post("/api/v1/studies/match/close/")
        assert lines() == [("olga", "API", "closed", "study match", "")]

    def test_a_command_names_the_account_of_the_machine(self) -> None:
        cast.open_study()
        call_command("close_study", "match")
        assert lines() == [(getpass.getuser(), "command", "closed", "study match", "")]

    def test_nobody_is_named_where_the_product_acts_by_itself(self) -> None:
        bo = cast.bo()
        block_voter(bo, TOO_FAST)
        assert lines() == [("", "itself", "set aside", f"voter {bo.pk}", "too_fast")]

    def test_a_visitor_is_nobody(self) -> None:
        study = cast.open_study()
        cast.play(cast.browser_of(cast.ada()), study, 3)
        assert lines() == []


class TestWriting:
    def test_what_was_refused_was_not_done(self) -> None:
        study = cast.ready_study()
        with pytest.raises(Conflict):
            close_study(study)
        assert lines() == []

    def test_deed_and_change_stand_or_fall_together(self) -> None:
        study = cast.ready_study()
        with transaction.atomic():
            open_study(study)
            transaction.set_rollback(True)
        assert lines() == []
        assert not Study.objects.get().is_open

    def test_of_services_that_call_each_other_the_outermost_is_written_down(self) -> None:
        bo = cast.bo()
        block_address(bo, note="a bus full of cookies")
        assert [(what, detail) for _, _, what, _, detail in lines()] == [
            ("set aside address", "0 votes a bus full of cookies")
        ]

    def test_work_in_pieces_that_was_stopped_says_so(self) -> None:
        @recorded("counted", "sheep", piecewise=True)
        def count() -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt), acting(lambda: "olga", COMMAND):
            count()
        assert lines() == [("olga", "command", "counted", "sheep", "Stopped before its end: KeyboardInterrupt.")]

    def test_long_words_are_cut(self) -> None:
        @recorded("said", "{words}")
        def say(words: str) -> str:
            return words

        assert len(say("x" * 5000)) == 5000
        assert len(Deed.objects.get().target) == 300

    @pytest.mark.parametrize("statement", ["UPDATE core_deed SET who = 'bo'", "DELETE FROM core_deed"])
    def test_the_database_refuses_to_change_or_delete_a_line(self, statement: str) -> None:
        block_voter(cast.bo())
        with pytest.raises(DatabaseError, match="only added to"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
        assert len(lines()) == 1


class TestPage:
    @pytest.fixture(autouse=True)
    def _many(self) -> None:
        Deed.objects.bulk_create(
            Deed(who=("olga", "pia")[number % 2], door="page", what="opened", target=f"study s{number:03}")
            for number in range(250)
        )
        Deed.objects.create(who="pia", door="API", what="set aside", target="voter 4711", detail="clicks <b>so</b>")

    def shown(self, olga: Client, address: str) -> Iterator[str]:
        while address:
            page = olga.get(f"/lab/deeds/{address}")
            yield from (deed.target for deed in page.context["deeds"])
            address = f"?{page.context['older']}" if page.context["older"] else ""

    def test_it_leads_through_all_of_them_newest_first(self, olga: Client) -> None:
        assert list(self.shown(olga, "?")) == ["voter 4711", *(f"study s{number:03}" for number in range(249, -1, -1))]

    @pytest.mark.parametrize(
        ("asked", "found"),
        [
            ("?who=pia", 126),
            ("?what=set+aside", 1),
            ("?about=S00", 10),
            ("?about=%3CB%3ESO&who=pia", 1),
            ("?who=bo", 0),
        ],
    )
    def test_it_shows_what_is_asked_for_on_every_page(self, olga: Client, asked: str, found: int) -> None:
        assert len(list(self.shown(olga, asked))) == found

    def test_it_costs_the_same_however_many_there_are(
        self, olga: Client, django_assert_max_num_queries: object
    ) -> None:
        with django_assert_max_num_queries(6):  # type: ignore[operator]
            olga.get("/lab/deeds/")

    def test_what_people_wrote_stays_text(self, olga: Client) -> None:
        assert "clicks &lt;b&gt;so&lt;/b&gt;" in olga.get("/lab/deeds/").content.decode()

    def test_it_is_for_operators(self) -> None:
        assert Client().get("/lab/deeds/").status_code == 302
