"""The link that an operator sends opens on the phone of whoever gets it, or the page says that it does not."""

from __future__ import annotations

import re

import pytest
from django.conf import LazySettings
from django.test import Client

from evalapp.core.services import network_addresses
from evalapp.core.services.network_addresses import is_loopback
from tests import cast

HERE = "192.168.1.5"


@pytest.fixture(autouse=True)
def _network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network_addresses, "own_addresses", lambda: [HERE, "some-machine"])


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST.", "a.localhost", "127.0.0.1", "127.8.8.8", "::1", "[::1]"])
def test_names_that_mean_only_this_machine_are_known(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["192.168.1.5", "swipe.example.org", "localhost.example.org", "0.0.0.1", ""])
def test_names_that_others_can_use_are_not_taken_for_loopback(host: str) -> None:
    assert not is_loopback(host)


@pytest.mark.database
@pytest.mark.django_db
@pytest.mark.parametrize("page", ["/lab/studies/match/", "/lab/studies/match/invite/"])
class TestPagesWithALink:
    def text_at(self, client: Client, page: str, host: str) -> str:
        cast.open_study()
        return client.get(page, headers={"host": host}).content.decode()

    def test_an_address_of_the_world_is_sent_as_it_is(self, admin_client: Client, page: str) -> None:
        text = self.text_at(admin_client, page, "testserver")
        assert 'data-copy="http://testserver/play/match/"' in text
        assert "Only this machine" not in text

    def test_a_server_that_listens_here_alone_says_so_and_how_to_change_it(
        self, admin_client: Client, page: str
    ) -> None:
        text = self.text_at(admin_client, page, "localhost:8931")
        assert "Only this machine can open it" in text
        assert "serve --host 0.0.0.0" in text
        assert f"http://{HERE}:8931/play/match/" in text

    def test_one_that_answers_to_the_network_gives_the_networks_address(
        self, admin_client: Client, page: str, settings: LazySettings
    ) -> None:
        settings.ALLOWED_HOSTS = ["localhost", HERE]
        text = self.text_at(admin_client, page, "localhost:8931")
        assert f'data-copy="http://{HERE}:8931/play/match/"' in text
        assert "Only this machine" not in text

    def test_without_a_network_it_says_what_is_missing(
        self, admin_client: Client, page: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(network_addresses, "own_addresses", lambda: ["some-machine"])
        assert "in no network" in self.text_at(admin_client, page, "[::1]:8931")


@pytest.mark.database
@pytest.mark.django_db
@pytest.mark.parametrize("page", ["/", "/leaderboard/match/", "/method/", "/sign-in/"])
def test_every_public_page_has_a_card_for_chats(client: Client, page: str) -> None:
    cast.open_study()
    text = client.get(page).content.decode()
    card = dict(re.findall(r'<meta property="og:(\w+)" content="([^"]*)">', text))
    assert card["title"].endswith("Dope or Nope")
    assert card["description"]
    assert card["url"] == f"http://testserver{page}"
    assert client.get(card["image"].removeprefix("http://testserver")).status_code in (200, 404)
    assert card["image"].startswith("http://testserver/")
    if "match" in page:
        assert card["title"] == "Match · Dope or Nope"
