"""A catalogue that changes, and the rounds that follow it."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import IntegrityError, transaction
from django.test import Client
from PIL import Image

from evalapp.catalog.models import Catalogue, Item
from evalapp.catalog.services.items import remove_items
from evalapp.contenders.pipeline import embeddings
from evalapp.core.domain.errors import Conflict, InvalidInput
from evalapp.core.pipeline import chunk_work
from evalapp.core.services.jobs import request_job
from evalapp.studies.models import Nomination, Study
from evalapp.studies.pipeline import neighbour_search
from evalapp.studies.services import StudyPlan, create_study, start_round
from tests import cast

pytestmark = [pytest.mark.django_db, pytest.mark.database]

CONTENDERS = ["colours:l1", "colours:hamming"]
Line = tuple[str, str, str, int, float | None, int | None]


def _compute(study: Study) -> Study:
    job = request_job("precompute", f"study:{study.pk}")
    while chunk_work.work_on(job.pk, seconds=60):
        pass
    study.refresh_from_db()
    return study


def _lines(study: Study) -> list[Line]:
    """All that a study nominates, by names."""
    rows = Nomination.objects.filter(contender__study=study).values_list(
        "contender__name", "pair__query__item__key", "pair__candidate__key", "rank", "distance", "pair__slot"
    )
    return sorted(rows, key=str)


def _plan(cards: Catalogue, slug: str = "match", exclude: str = "none", queries: int = 12) -> StudyPlan:
    return StudyPlan(
        slug=slug, catalogue=cards, contenders=CONTENDERS, top_k=3, seed=2, queries=queries, exclude=exclude
    )


def _import(tmp_path: Path, rows: dict[str, tuple[str, str, int]]) -> None:
    """Pictures by name, each with its category, its product and the seed that it is drawn from."""
    folder = tmp_path / "more"
    folder.mkdir(exist_ok=True)
    lines = ["path,category,product"]
    for name, (category, product, seed) in rows.items():
        random = np.random.default_rng(seed)
        pixels = np.clip(random.normal(random.integers(0, 255, 3), 12, (48, 40, 3)), 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / name)
        lines.append(f"{name},{category},{product}")
    (folder / "items.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    call_command("import_catalogue", "cards", str(folder / "items.csv"))


def _change(tmp_path: Path) -> None:
    """Two pictures come, one is changed and two go."""
    _import(tmp_path, {"new-1.png": ("red", "n", 1), "new-2.png": ("blue", "n", 2), "red-1.png": ("red", "red-0", 3)})
    remove_items("cards", ["green-0.png", "blue-3.png"])


def test_a_round_on_an_unchanged_catalogue_keeps_everything(cards: Catalogue) -> None:
    study = _compute(create_study(_plan(cards)))
    following = _compute(start_round(study))

    assert (following.slug, following.round, following.previous) == ("match-r2", 2, study)
    assert start_round(following).slug == "match-r3"
    assert _lines(following) == _lines(study)
    assert list(following.queries.values_list("item", "position")) == list(
        study.queries.values_list("item", "position")
    )


@pytest.mark.parametrize("exclude", ["none", "product"])
def test_what_a_round_answers_is_what_a_study_made_from_nothing_answers(
    cards: Catalogue, tmp_path: Path, exclude: str
) -> None:
    study = _compute(create_study(_plan(cards, exclude=exclude, queries=99)))
    _change(tmp_path)
    # A label that changes hides and shows others, where products are excluded.
    Item.objects.filter(key="red-4.png").update(product="red-0", version=99)
    following = _compute(start_round(study))
    cards.refresh_from_db()
    anew = _compute(create_study(_plan(cards, "anew", exclude=exclude, queries=99)))

    assert following.catalogue_version == cards.version
    assert _lines(following) == _lines(anew)
    assert len({line[1] for line in _lines(following)}) == 24


def test_only_new_pictures_are_embedded_and_only_queries_that_lost_an_answer_are_searched_in_full(
    cards: Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = _compute(create_study(_plan(cards, queries=99)))
    _change(tmp_path)
    following = start_round(study)
    embedded: list[int] = []
    monkeypatch.setattr(
        embeddings, "embed", _noting(embeddings.embed, lambda _encoder, pictures: len(pictures), embedded)
    )
    searched: list[int] = []
    monkeypatch.setattr(
        neighbour_search,
        "refresh_neighbours",
        _noting(neighbour_search.refresh_neighbours, lambda _before, stale: int(stale.sum()), searched),
    )
    _compute(following)

    assert embedded == [3]
    lost = {"green-0.png", "blue-3.png", "red-1.png"}
    for name, asked in zip(CONTENDERS, searched, strict=True):
        hurt = {line[1] for line in _lines(study) if line[0] == name and line[2] in lost} - lost
        assert asked == len(hurt) + 3, "those that lost an answer, and the three that were not asked before"
    assert 0 < searched[0] < 24


def _noting(call, facts, into):  # type: ignore[no-untyped-def]
    def noted(*args, **words):  # type: ignore[no-untyped-def]
        into.append(facts(*args[:2]))
        return call(*args, **words)

    return noted


def test_kept_queries_keep_their_places_and_vacant_ones_are_filled(cards: Catalogue, tmp_path: Path) -> None:
    study = create_study(_plan(cards))
    before = dict(study.queries.values_list("position", "item__key"))
    remove_items("cards", [before[3], before[11]])
    _import(tmp_path, {before[5]: ("red", "p", 5)})

    after = dict(start_round(study).queries.values_list("position", "item__key"))

    assert sorted(after) == list(range(12))
    assert {place for place in before if after[place] != before[place]} == {3, 11}
    changed = Item.objects.filter(key=before[5]).order_by("pk").last()
    assert Study.objects.get(round=2).queries.filter(item=changed, position=5).exists()


def test_positions_stay_dense_when_there_are_fewer_queries(cards: Catalogue) -> None:
    study = create_study(_plan(cards, queries=24))
    gone = list(study.queries.filter(position__in=[2, 23]).values_list("item__key", flat=True))
    last = study.queries.get(position=22).item
    remove_items("cards", gone)
    following = start_round(study)
    assert sorted(following.queries.values_list("position", flat=True)) == list(range(22))
    assert following.queries.get(position=2).item == last


def test_fresh_queries_are_none_of_an_earlier_round_while_there_are_others(cards: Catalogue) -> None:
    study = create_study(_plan(cards, queries=9))
    second = start_round(study, queries="fresh")
    third = start_round(second, queries="fresh")
    asked = [set(one.queries.values_list("item", flat=True)) for one in (study, second, third)]
    assert not asked[0] & asked[1]
    assert len(asked[2]) == 9
    assert asked[2] > set(Item.objects.values_list("pk", flat=True)) - asked[0] - asked[1]


def test_contenders_come_and_go_and_the_policy_stays(cards: Catalogue) -> None:
    study = create_study(_plan(cards, exclude="product"))
    following = start_round(study, add=["colours:l2"], drop=["colours:l1"], slug="second")
    assert list(following.contenders.values_list("name", flat=True)) == ["colours:hamming", "control", "colours:l2"]
    assert (following.slug, following.exclude, following.top_k) == ("second", "product", 3)


@pytest.mark.parametrize("slug", ["A B", "../x", "<b>", "x/y", "١", "Shoes", "-x", "x\n"])
def test_a_round_has_a_name_that_can_stand_in_an_address(cards: Catalogue, slug: str) -> None:
    study = create_study(_plan(cards))
    with pytest.raises(InvalidInput, match="cannot stand in an address"):
        start_round(study, slug=slug)
    with pytest.raises(IntegrityError, match="study_slug"), transaction.atomic():
        Study.objects.filter(pk=study.pk).update(slug=slug[:80])


@pytest.mark.parametrize(
    ("words", "kind", "told"),
    [
        ({"drop": ["nobody"]}, InvalidInput, "has no contender nobody"),
        ({"add": ["colours:l1"]}, InvalidInput, "take part twice"),
        ({"drop": ["colours:l1", "colours:hamming"]}, InvalidInput, "Nobody but the control"),
        ({"slug": "match"}, Conflict, "choose another name"),
        ({"slug": "A B"}, InvalidInput, "cannot stand in an address"),
        ({"slug": "../x"}, InvalidInput, "cannot stand in an address"),
        ({"slug": "١"}, InvalidInput, "cannot stand in an address"),
    ],
)
def test_what_makes_no_round_is_said_in_one_line(
    cards: Catalogue, words: dict[str, object], kind: type[Exception], told: str
) -> None:
    study = create_study(_plan(cards))
    with pytest.raises(kind, match=told):
        start_round(study, **words)  # type: ignore[arg-type]
    assert Study.objects.count() == 1


def test_a_withdrawn_picture_leaves_an_open_deck_at_once_and_a_changed_one_stays_as_it_was() -> None:
    study = cast.open_study(queries=8)
    browser = cast.browser_of(cast.ada())
    gone, changed = "item-0002", "item-0003"
    remove_items(study.catalogue.slug, [gone])
    Item.objects.filter(key=changed).update(removed=True, replaced=True)

    seen = set()
    while shown := cast.deck(browser, study, 50):
        pairs = [cast.exposure_of(one).pair for one in shown]
        seen |= {key for pair in pairs for key in (pair.candidate.key, pair.query.item.key)}
        cast.send(browser, *({"token": one["token"], "verdict": "dope"} for one in shown))

    assert gone not in seen
    assert changed in seen


def test_a_pair_that_waits_to_be_offered_again_is_withdrawn_with_its_picture() -> None:
    study = cast.open_study(queries=8)
    voter = cast.ada()
    shown = cast.deck(cast.browser_of(voter), study, 3)
    gone = cast.exposure_of(shown[0]).pair.candidate.key
    remove_items(study.catalogue.slug, [gone])
    cast.let_leases_run_out(voter)
    again = cast.deck(cast.browser_of(voter), study, 50)
    assert shown[0]["token"] not in {one["token"] for one in again}
    assert gone not in {cast.exposure_of(one).pair.candidate.key for one in again}


def test_queries_of_one_domain_are_answered_from_another() -> None:
    catalogue = cast.wardrobe(items=16)
    call_command("register_model", "colour-histogram", name="colours")
    study = create_study(
        StudyPlan(
            slug="street", catalogue=catalogue, contenders=["colours:l2"], gallery_domain="shop", query_domain="street"
        )
    )
    assert set(study.queries.values_list("item__domain", flat=True)) == {"street"}
    assert set(Item.objects.filter(pk__in=study.gallery.items).values_list("domain", flat=True)) == {"shop"}


def test_pairs_across_domains_are_computed(cards: Catalogue) -> None:
    Item.objects.filter(category="red").update(domain="street")
    Item.objects.exclude(category="red").update(domain="shop")
    plan = StudyPlan(
        slug="across", catalogue=cards, contenders=CONTENDERS, top_k=3, gallery_domain="shop", query_domain="street"
    )
    study = _compute(create_study(plan))
    lines = _lines(study)
    assert {line[1].split("-")[0] for line in lines} == {"red"}
    assert {line[2].split("-")[0] for line in lines} == {"green", "blue"}
    out = StringIO()
    call_command("evaluate", "across", json=True, stdout=out)
    told = json.loads(out.getvalue())
    assert (told["queries"], told["gallery"]) == (8, 16)
    assert told["contenders"][0]["category_match"] == 0


def test_a_round_is_started_by_command_and_over_http(cards: Catalogue, client: Client) -> None:
    create_study(_plan(cards))
    out = StringIO()
    call_command("start_round", "match", json=True, stdout=out)
    assert json.loads(out.getvalue())["study"] == "match-r2"

    assert client.post("/api/v1/studies/match-r2/rounds/").status_code == 401
    client.force_login(User.objects.create_user("olga", is_staff=True))
    answer = client.post("/api/v1/studies/match-r2/rounds/", {"queries": "fresh"}, content_type="application/json")
    assert answer.status_code == 201
    assert (answer.json()["slug"], answer.json()["round"], answer.json()["previous"]) == ("match-r3", 3, "match-r2")
