"""A study from the browser: drafted, computed, opened, shown, closed."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone

from evalapp.catalog.models import Catalogue
from evalapp.catalog.services.items import remove_items
from evalapp.core.models import Job
from evalapp.studies.models import Study, StudyState
from evalapp.studies.tasks import REST, follow_catalogues
from tests import cast

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture(autouse=True)
def messages(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Nudges are written down instead of sent."""
    sent: list[int] = []
    monkeypatch.setattr("evalapp.core.tasks.work.apply_async", lambda words, **_: sent.append(words[0]))
    return sent


def words(**changes: object) -> dict[str, object]:
    return {
        "title": "Cards", "slug": "cards", "question": "Alike?", "catalogue": "cards", "top_k": 3, "exclude": "none",
        "contenders": ["colours:l1", "colours:l2"], "control": "on", "mode": "swipe", "board": "public", "seed": 5,
        "margin": 0.02, "gold_share": 0.05, "repeat_share": 0.02, "box_margin": 15, "dim_boxes": "on", **changes,
    }  # fmt: skip


def test_a_study_is_drafted_with_a_form(admin_client: Client, cards: Catalogue) -> None:
    assert 'value="colours:hamming"' in admin_client.get("/lab/studies/new/").content.decode()
    answer = admin_client.post("/lab/studies/new/", words(), follow=True)
    assert answer.redirect_chain == [("/lab/studies/cards/", 302)]
    study = Study.objects.get()
    assert (study.title, study.question, study.board, study.seed) == ("Cards", "Alike?", "public", 5)
    assert (study.dim_boxes, study.box_margin) == (True, 15)
    assert list(study.contenders.values_list("name", flat=True)) == ["colours:l1", "colours:l2", "control"]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"contenders": []}, "Tick at least one contender."),
        ({"slug": "taken"}, "There is a study taken already"),
        ({"slug": "Not a slug"}, "slug"),
        ({"gallery": 1}, "greater than or equal to 2"),
    ],
)
def test_what_is_off_is_told_and_what_was_typed_stays(
    admin_client: Client, cards: Catalogue, changes: dict[str, object], told: str
) -> None:
    cast.ready_study("taken")
    answer = admin_client.post("/lab/studies/new/", words(title="My cards", **changes))
    text = answer.content.decode()
    assert answer.status_code == 400
    assert told in text
    assert 'value="My cards"' in text
    assert ('value="colours:l1" checked' in text) == ("contenders" not in changes)
    assert Study.objects.count() == 1


def test_the_buttons_do_what_they_say(admin_client: Client, messages: list[int]) -> None:
    study = cast.ready_study()
    page = "/lab/studies/match/"
    assert "Open</button>" in admin_client.get(page).content.decode()
    admin_client.post(f"{page}precompute/")
    assert messages == [Job.objects.get().pk]
    for button, state in (("open", StudyState.OPEN), ("close", StudyState.CLOSED)):
        assert admin_client.post(f"{page}{button}/").headers["Location"] == page
        study.refresh_from_db()
        assert study.state == state
    admin_client.post(f"{page}change/", {"title": "Socks", "question": study.question, "board": "unlisted"})
    study.refresh_from_db()
    assert (study.title, study.board) == ("Socks", "unlisted")
    admin_client.post(f"{page}archive/", {"contender": cast.FC7, "archived": "yes"})
    assert study.contenders.get(name=cast.FC7).archived_at
    admin_client.post(f"{page}archive/", {"contender": cast.FC7, "archived": "no"})
    assert study.contenders.get(name=cast.FC7).archived_at is None


def form_of(page: str, action: str) -> str:
    """The form that posts to this address, with what stands in it."""
    return page.partition(f'action="{action}"')[2].partition("</form>")[0]


def test_opening_and_closing_ask_first_and_say_what_they_settle_and_for_whom(admin_client: Client) -> None:
    study = cast.ready_study()
    page = "/lab/studies/match/"

    def dialog(action: str) -> str:
        text = admin_client.get(page).content.decode()
        assert text.count(f'action="{page}{action}/"') == 1
        before, _, _ = text.partition(f'action="{page}{action}/"')
        # The one button outside the dialog only opens it.
        assert before.rindex(f'<dialog popover id="confirm-{action}"') > before.rindex(
            "</dialog>" if "</dialog>" in before else "<h1"
        )
        assert f'type="button" class="button button--{"dope" if action == "open" else "nope"}" popovertarget=' in before
        return form_of(text, f"{page}{action}/")

    told = dialog("open")
    for words in (
        "for everybody?",
        "contenders are settled",
        "16 pairs",
        study.question,
        "The board is for operators",
    ):
        assert words in told
    admin_client.post(f"{page}open/")
    cast.play(cast.browser_of(), study, 5)
    told = dialog("close")
    for words in ("for everybody?", "5 votes so far stay", "opened again"):
        assert words in told
    admin_client.post(f"{page}close/")
    told = dialog("open")
    assert "5 votes so far stay" in told
    assert "settled" not in told


def test_what_cannot_be_done_is_told(admin_client: Client) -> None:
    cast.ready_study()
    answer = admin_client.post("/lab/studies/match/close/", follow=True)
    assert "match is not open." in answer.content.decode()
    answer = admin_client.post("/lab/studies/match/archive/", {"contender": "nobody"}, follow=True)
    assert "no contender nobody" in answer.content.decode()


def test_visitors_are_asked_to_sign_in(client: Client) -> None:
    cast.ready_study()
    for path in ("new/", "match/"):
        assert client.get(f"/lab/studies/{path}").headers["Location"].startswith("/admin/login/")
    for button in ("precompute", "open", "close", "change", "archive"):
        assert client.post(f"/lab/studies/match/{button}/").headers["Location"].startswith("/admin/login/")
    assert Study.objects.get().state == StudyState.READY


def test_there_is_no_page_of_a_study_that_is_not_there(admin_client: Client) -> None:
    assert admin_client.get("/lab/studies/nothing/").status_code == 404


def test_a_catalogue_that_moved_on_offers_the_next_round(admin_client: Client, messages: list[int]) -> None:
    study = cast.open_study()
    page = "/lab/studies/match/"
    assert "The catalogue has changed" not in admin_client.get(page).content.decode()
    remove_items(study.catalogue.slug, ["item-0015"])
    assert "(has changed)" in admin_client.get("/lab/").content.decode()
    assert "The catalogue has changed" in admin_client.get(page).content.decode()

    answer = admin_client.post(f"{page}round/", follow=True)

    following = Study.objects.get(slug="match-r2")
    assert answer.redirect_chain == [("/lab/studies/match-r2/", 302)]
    assert (following.previous, following.state) == (study, StudyState.DRAFT)
    assert Job.objects.get(pk=messages[0]).target == f"study:{following.pk}"
    assert "/lab/studies/match-r2/" in admin_client.get(page).content.decode()
    assert "match-r2 already" in admin_client.post(f"{page}round/", follow=True).content.decode()


def test_a_study_that_follows_its_catalogue_gets_its_next_round_by_itself(
    admin_client: Client, messages: list[int]
) -> None:
    study = cast.open_study()
    words = {"title": study.title, "question": study.question, "board": study.board, "follows_catalogue": "on"}
    admin_client.post("/lab/studies/match/change/", words)
    follow_catalogues()
    remove_items(study.catalogue.slug, ["item-0015"])
    follow_catalogues()
    assert Study.objects.count() == 1, "the catalogue may still be changing"

    Catalogue.objects.update(updated_at=timezone.now() - REST)
    follow_catalogues()
    follow_catalogues()

    following = Study.objects.get(previous=study)
    assert (following.follows_catalogue, following.state) == (True, StudyState.DRAFT)
    assert messages == [Job.objects.get(target=f"study:{following.pk}").pk]


def test_a_round_that_cannot_begin_is_not_tried_every_minute(messages: list[int]) -> None:
    study = cast.open_study()
    cast.ready_study("match-r2")
    remove_items(study.catalogue.slug, ["item-0015"])
    Catalogue.objects.update(updated_at=timezone.now() - REST)
    Study.objects.update(follows_catalogue=True)
    follow_catalogues()
    study.refresh_from_db()
    assert not study.follows_catalogue
    assert messages == []
