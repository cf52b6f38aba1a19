"""How people are invited: the link with its card, the QR code, frames on other pages; and what they are told."""

from __future__ import annotations

import re

import pytest
from django.conf import LazySettings
from django.contrib.auth.models import User
from django.test import Client

from evalapp.core.models import Deed
from evalapp.studies.models import Study
from evalapp.voting.models import Vote, Voter
from tests import cast

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture
def study() -> Study:
    return cast.open_study(queries=40)


@pytest.fixture
def operator() -> Client:
    client = Client()
    client.force_login(User.objects.create_user("operator", is_staff=True))
    return client


def test_a_posted_link_shows_title_question_and_a_picture(study: Study) -> None:
    page = Client().get("/play/match/").content.decode()
    card = dict(re.findall(r'<meta property="og:(\w+)" content="([^"]*)">', page))
    assert (card["title"], card["description"]) == ("Match", study.question)
    assert card["url"] == "http://testserver/play/match/"
    assert re.fullmatch(r"http://testserver/pictures/[\w-]{22}\.jpg", card["image"])


def test_people_see_the_studys_examples_before_they_begin(study: Study) -> None:
    assert 'data-dialog="intro"' not in Client().get("/play/match/").content.decode()
    told = [
        ["item-0000", "item-0002", "dope"],
        ["item-0000", "item-0001", "nope"],
        ["item-0000", "gone", "dope"],
        "odd",
    ]
    Study.objects.update(examples=told)
    page = Client().get("/play/match/").content.decode()
    intro = page[page.index('data-dialog="intro"') :]
    intro = intro[: intro.index("</dialog>")]
    assert study.title in intro
    assert study.question in intro
    assert re.findall(r'data-verdict="(\w+)"', intro) == ["dope", "nope"]
    items = {item.key: item.picture.public_id for item in study.catalogue.items.select_related("picture")}
    shown = [items[key] for key in ("item-0000", "item-0002", "item-0000", "item-0001")]
    assert re.findall(r' src="/pictures/([\w-]{22})\.webp"', intro) == shown


def test_a_form_filler_finds_a_field_that_people_never_see(study: Study) -> None:
    page = Client().get("/play/match/").content.decode()
    form = page[page.index('<form class="visually-hidden" aria-hidden="true">') :]
    assert 'name="website"' in form[: form.index("</form>")]


def test_no_page_may_frame_a_study_that_names_none(study: Study) -> None:
    answer = Client().get("/play/match/")
    assert "frame-ancestors 'none'" in answer["Content-Security-Policy"]
    assert answer["X-Frame-Options"] == "DENY"


def test_the_origins_that_a_study_names_may_frame_it(study: Study) -> None:
    Study.objects.update(embed_hosts=["https://shop.example.org"])
    answer = Client().get("/play/match/")
    assert "frame-ancestors 'self' https://shop.example.org" in answer["Content-Security-Policy"]
    assert "X-Frame-Options" not in answer
    assert "frame-ancestors 'none'" in Client().get("/privacy/")["Content-Security-Policy"]


@pytest.mark.parametrize(("framed", "expected"), [(True, ("None", True)), (False, ("Lax", ""))])
def test_in_a_frame_the_cookie_may_travel_and_is_kept_apart(
    study: Study, settings: LazySettings, framed: bool, expected: tuple[str, object]
) -> None:
    settings.HTTPS = True
    Study.objects.update(embed_hosts=["https://shop.example.org"])
    headers = {"Sec-Fetch-Dest": "iframe"} if framed else {}
    cookie = Client().get("/play/match/", secure=True, headers=headers).cookies["voter"]
    assert (cookie["samesite"], cookie["partitioned"]) == expected
    assert ("Partitioned" in cookie.OutputString()) is framed


def test_the_operator_gets_the_link_and_a_code_that_leads_to_it(study: Study, operator: Client) -> None:
    page = operator.get("/lab/studies/match/invite/").content.decode()
    assert "http://testserver/play/match/" in page
    code = operator.get("/lab/studies/match/qr.svg")
    assert code["Content-Type"] == "image/svg+xml"
    assert b"http://testserver/play/match/" in code.content
    assert code.content.startswith(b"<svg")


def test_the_list_of_voters_tells_what_answers_tell(study: Study, operator: Client) -> None:
    ada, bo = cast.ada(), cast.bo()
    cast.play(cast.browser_of(ada), study, 8, lambda _: "dope")
    cast.play(cast.browser_of(bo), study, 4, cast.likes_anything(3))
    Vote.objects.update(response_ms=700)
    lines = operator.get("/lab/studies/match/voters/").context["voters"]
    assert [(one.voter, one.answers, one.counted, one.median_ms) for one in lines] == [
        (ada.pk, 8, 8, 700),
        (bo.pk, 4, 4, 700),
    ]
    assert (lines[0].dope_share, lines[0].longest_run) == (1.0, 8)
    assert lines[0].gold_agreement is lines[0].self_agreement is None
    assert lines[0].honesty == pytest.approx(0.85)


def test_known_answers_and_repeats_show_in_the_list(study: Study, operator: Client) -> None:
    ada = cast.ada()
    browser = cast.browser_of(ada)
    cast.play(browser, study, 10, lambda _: "dope")
    gold, other, first, again = Vote.objects.order_by("pk").select_related("exposure")[:4]
    for vote, expected in ((gold, "dope"), (other, "nope")):
        vote.exposure.expected, vote.exposure.kind = expected, "gold"
        vote.exposure.save()
    again.exposure.kind, again.exposure.repeats = "repeat", first.exposure
    again.exposure.save()
    (line,) = operator.get("/lab/studies/match/voters/").context["voters"]
    assert (line.gold, line.gold_agreement, line.repeats, line.self_agreement) == (2, 0.5, 1, 1.0)


def test_blocking_and_unblocking_from_the_list(study: Study, operator: Client) -> None:
    bo = cast.bo()
    cast.play(cast.browser_of(bo), study, 4)
    address = f"/lab/studies/match/voters/{bo.pk}/block/"
    page = operator.post(address, {"block": "1"}, follow=True).content.decode()
    assert "4 votes" in page
    assert "Unblock" in page
    assert not Vote.objects.filter(counted=True).exists()
    operator.post(address, {"unblock": "1"})
    assert Vote.objects.filter(counted=True).count() == 4


def test_a_whole_address_is_set_aside_and_back_with_a_reason(study: Study, operator: Client) -> None:
    ada, bo = cast.ada(), cast.bo()
    Voter.objects.filter(pk__in=[ada.pk, bo.pk]).update(address="hall")
    for voter in (ada, bo):
        cast.play(cast.browser_of(voter), study, 4)
    page = operator.get(f"/lab/studies/match/voters/?voter={bo.pk}").content.decode()
    assert "All voters of the same address" in page
    address = f"/lab/studies/match/voters/{bo.pk}/block/"
    operator.post(address, {"block": "1", "address": "1", "note": "one phone passed around"})
    assert not Vote.objects.filter(counted=True).exists()
    told = Deed.objects.get()
    assert (told.what, told.detail) == ("set aside address", "8 votes one phone passed around")
    operator.post(address, {"unblock": "1", "address": "1", "note": "a school"})
    assert Vote.objects.filter(counted=True).count() == 8


@pytest.mark.parametrize("asked", ["nobody", "%00", "00000000-0000-0000-0000-000000000000"])
def test_a_voter_who_is_not_there_is_nobody(study: Study, operator: Client, asked: str) -> None:
    assert operator.get(f"/lab/studies/match/voters/?voter={asked}").status_code in (200, 400, 404)


@pytest.mark.parametrize("page", ["voters/", "invite/", "qr.svg"])
def test_these_pages_are_for_operators(study: Study, page: str) -> None:
    assert Client().get(f"/lab/studies/match/{page}").status_code == 302


def test_visitors_are_told_what_is_stored_and_can_be_forgotten(study: Study, settings: LazySettings) -> None:
    browser = Client()
    cast.play(browser, study, 3)
    page = browser.get("/privacy/").content.decode()
    assert f"for {settings.ADDRESS_KEPT.days} days" in page
    answer = browser.post("/privacy/forget/", follow=True)
    assert "3 answers stay as nobody’s" in answer.content.decode()
    assert Voter.objects.get().forgotten_at is not None
    assert "There was no answer of yours" in browser.post("/privacy/forget/", follow=True).content.decode()
