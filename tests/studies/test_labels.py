"""Labels decide who is asked about what, in all doors; scores by attribute, ranked; every product once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from PIL import Image

from evalapp.catalog.domain.label_scopes import labels_from_text, labels_from_words, text_of_labels
from evalapp.catalog.models import Catalogue
from evalapp.core.domain.errors import InvalidInput
from evalapp.core.pipeline.chunk_work import work_on
from evalapp.core.services.jobs import request_job
from evalapp.studies.models import Nomination, Study
from evalapp.studies.services import start_round
from evalapp.studies.services.offline_scores import evaluation_document
from tests import cast

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database]


def categories(study: Study) -> tuple[set[str], set[str]]:
    """Of the queries, and of the gallery."""
    items = study.catalogue.items.in_bulk(study.gallery.items)
    return set(study.queries.values_list("item__category", flat=True)), {item.category for item in items.values()}


@pytest.fixture
def shop() -> Catalogue:
    cast.network()
    return cast.wardrobe("shop", items=24)


def test_words_are_understood_and_told_again() -> None:
    labels = labels_from_text("category=skirt, category=dress\ncolour=red")
    assert labels == {"category": ["skirt", "dress"], "colour": ["red"]}
    assert labels_from_text(text_of_labels(labels)) == labels
    for bad in ("skirt", "=x", "category=", "a=" + "x" * 300):
        with pytest.raises(InvalidInput):
            labels_from_words([bad])


def test_by_command_a_dress_asks_and_red_shirts_answer(shop: Catalogue) -> None:
    call_command(
        "create_study", "combine", catalogue="shop", contenders=["net.fc6:l2"],
        query_labels=["category=dress"], gallery_labels=["category=shirt", "colour=red"],
    )  # fmt: skip
    study = Study.objects.get()
    assert categories(study) == ({"dress"}, {"shirt"})
    assert all(item.attributes["colour"] == "red" for item in shop.items.in_bulk(study.gallery.items).values())
    following = start_round(study, queries="fresh")
    assert categories(following) == ({"dress"}, {"shirt"})


def test_on_the_page_and_over_http(shop: Catalogue, admin_client: Client) -> None:
    words = {"title": "Combine", "catalogue": "shop", "contenders": ["net.fc6:l2"], "top_k": 5, "exclude": "none"}
    words |= {"mode": "two", "gold_share": 0, "repeat_share": 0, "board": "private", "seed": 0, "margin": 0}
    answer = admin_client.post("/lab/studies/new/", {**words, "query_labels": "domain=street, colour=blue"})
    assert answer.status_code == 302, answer.content.decode()
    study = Study.objects.get(slug="combine")
    assert (study.question, study.query_labels) == (
        "Which one is closer?",
        {"domain": ["street"], "colour": ["blue"]},
    )
    assert "Asks only for domain=street" not in (page := admin_client.get("/lab/studies/combine/").content.decode())
    assert "It asks only for colour=blue, domain=street." in page
    body = {
        "slug": "again",
        "catalogue": "shop",
        "contenders": ["net.fc6:l2"],
        "gallery_labels": {"category": ["dress"]},
    }
    assert admin_client.post("/api/v1/studies/", body, content_type="application/json").status_code == 201
    assert categories(Study.objects.get(slug="again")) == ({"dress"}, {"dress"})
    assert admin_client.post("/lab/studies/new/", {**words, "slug": "bad", "query_labels": "street"}).status_code == 400


def test_labels_that_nothing_bears_are_said(shop: Catalogue) -> None:
    with pytest.raises(CommandError, match="no items with category=hat"):
        call_command("create_study", "x", catalogue="shop", contenders=["net.fc6:l2"], query_labels=["category=hat"])


def test_scores_are_ranked_and_told_by_attribute_with_their_chance(admin_client: Client) -> None:
    study = cast.ready_study()
    found = evaluation_document(study)
    assert [line["rank"] for line in found["contenders"]] == [1, 2]
    assert found["contenders"][0]["contender"] == cast.FC6
    assert set(found["control"]["attributes"]) == {"colour"}
    colours = {item.pk: item.attributes["colour"] for item in study.catalogue.items.all()}
    rows = Nomination.objects.filter(contender__study=study, contender__name=cast.FC6, rank=1)
    same = [
        colours[query] == colours[candidate]
        for query, candidate in rows.values_list("pair__query__item", "pair__candidate")
    ]
    assert found["contenders"][0]["attributes"]["colour"]["match"] == pytest.approx(np.mean(same))
    chance = found["control"]["attributes"]["colour"]["expected"]
    by_hand = np.mean(
        [
            np.mean(
                [colours[query.item_id] == colours[other] for other in study.gallery.items if other != query.item_id]
            )
            for query in study.queries.all()
        ]
    )
    assert chance == pytest.approx(by_hand)
    call_command("evaluate", "match")
    assert "By attribute" in admin_client.get("/lab/studies/match/").content.decode()


def test_every_product_is_shown_once(tmp_path: Path) -> None:
    lines = ["path,category,product"]
    for number in range(24):
        # Eight products of three pictures; pictures of a product are each other's nearest.
        Image.fromarray(np.full((16, 16, 3), number // 3 * 30 + number % 3, dtype=np.uint8)).save(
            tmp_path / f"{number:02}.png"
        )
        lines.append(f"{number:02}.png,x,p{number // 3}")
    (tmp_path / "items.csv").write_text("\n".join(lines) + "\n")
    call_command("import_catalogue", "shop", str(tmp_path / "items.csv"))
    call_command("register_model", "colour-histogram", name="colours")
    for exclude in ("none", "once"):
        call_command("create_study", exclude, catalogue="shop", contenders=["colours:l2"], exclude=exclude, top_k=4)
        job = request_job("precompute", f"study:{Study.objects.get(slug=exclude).pk}")
        while work_on(job.pk):
            pass

    def answers(slug: str) -> dict[int, list[tuple[str, int]]]:
        rows = Nomination.objects.filter(contender__study__slug=slug, contender__name="colours:l2").order_by("rank")
        found: dict[int, list[tuple[str, int]]] = {}
        for query, product, item in rows.values_list(
            "pair__query__item", "pair__candidate__product", "pair__candidate"
        ):
            found.setdefault(query, []).append((product, item))
        return found

    once, every = answers("once"), answers("none")
    assert all(len({product for product, _ in line}) == len(line) == 4 for line in once.values())
    assert any(len({product for product, _ in line}) < len(line) for line in every.values())
    # The nearest of all is the nearest of its product.
    assert all(once[query][0] == every[query][0] for query in every)
