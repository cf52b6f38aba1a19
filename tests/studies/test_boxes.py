"""Two garments in every photo, as in DeepFashion2: people judge the garments that were compared, not the photos."""

from __future__ import annotations

import colorsys
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.conf import LazySettings
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.test import Client
from PIL import Image

from evalapp.catalog.models import Cutout, Item
from evalapp.catalog.services.renditions import rendition_name
from evalapp.core.pipeline import chunk_work
from evalapp.core.services.jobs import request_job
from evalapp.studies.models import Pair, Study, StudyState
from evalapp.studies.services import open_study, start_round
from evalapp.voting.models import Gold
from evalapp.voting.queries.deck_reads import cards_of, question_examples
from evalapp.voting.services.gold_pairs import prepare_golds
from tests import cast
from tests.catalog.importers.published import garment

pytestmark = [pytest.mark.django_db, pytest.mark.database]

PHOTOS = 6
TOP, BOTTOM = (10, 10, 70, 60), (10, 70, 70, 150)


def colour_of(photo: int, top: bool) -> tuple[int, int, int]:
    """No two garments have the same."""
    hue = (2 * photo + top) / (2 * PHOTOS)
    return tuple(round(255 * part) for part in colorsys.hsv_to_rgb(hue, 0.9, 0.85))  # type: ignore[return-value]


def draw_outfits(root: Path) -> Path:
    """Photos of 80 x 160 with a top and a bottom, and their annotations."""
    (root / "train" / "image").mkdir(parents=True)
    (root / "train" / "annos").mkdir()
    for photo in range(PHOTOS):
        image = Image.new("RGB", (80, 160), "white")
        image.paste(colour_of(photo, True), TOP)
        image.paste(colour_of(photo, False), BOTTOM)
        image.save(root / "train" / "image" / f"{photo:06}.jpg", quality=95)
        note = {"source": "user", "pair_id": photo}
        note |= {"item1": garment("vest", 1, TOP), "item2": garment("skirt", 2, BOTTOM)}
        (root / "train" / "annos" / f"{photo:06}.json").write_text(json.dumps(note))
    return root


def study_of_garments(tmp_path: Path, *words: str) -> Study:
    """Computed and open, by the commands' own words."""
    call_command("import_catalogue", "outfits", str(draw_outfits(tmp_path)), format="deepfashion2")
    call_command("register_model", "colour-histogram", name="colours")
    call_command(
        "create_study", "garments", "--catalogue", "outfits", "--contender", "colours:l1", "--gold-share", "0", *words
    )
    study = Study.objects.get()
    compute(study)
    open_study(study)
    study.refresh_from_db()
    return study


def compute(study: Study) -> None:
    job = request_job("precompute", f"study:{study.pk}")
    while chunk_work.work_on(job.pk, seconds=60):
        pass
    study.refresh_from_db()
    assert study.state == StudyState.READY


def deck_of_everything(study: Study) -> tuple[Client, list[dict[str, Any]]]:
    """All that one voter can be shown."""
    browser, found = cast.browser_of(cast.ada()), []
    while part := cast.deck(browser, study, 30):
        found += part
        cast.send(browser, *({"token": one["token"], "verdict": "dope"} for one in part))
    return browser, found


def seen(browser: Client, shown: dict[str, Any]) -> np.ndarray:
    answer = browser.get(shown["image"])
    assert answer.status_code == 200
    pixels = np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGB")).astype(int)
    assert pixels.shape[1::-1] == (shown["width"], shown["height"])
    return pixels


def is_top(item: Item) -> bool:
    return item.category == "vest"


def photo_of(item: Item) -> int:
    return int(Path(item.path).stem)


def test_every_card_shows_the_garments_of_its_pair_and_no_two_cards_look_alike(tmp_path: Path) -> None:
    study = study_of_garments(tmp_path)
    browser, cards = deck_of_everything(study)
    assert len(cards) == Pair.objects.filter(slot__isnull=False).count() >= 2 * PHOTOS
    for card, exposure in zip(cards, cast.exposures_of(cards), strict=True):
        for side, item in (("query", exposure.pair.query.item), ("candidate", exposure.pair.candidate)):
            found = seen(browser, card[side])
            middle = np.median(found, axis=(0, 1))
            assert np.abs(middle - colour_of(photo_of(item), is_top(item))).max() < 12, (item.key, middle)
            # No paper is left around the garment, whatever a JPEG does at its edges.
            assert np.abs(found - middle).max() < 70
            assert found.shape[:2] == ((50, 60) if is_top(item) else (80, 60))
    assert len({(card["query"]["image"], card["candidate"]["image"]) for card in cards}) == len(cards)


def test_a_pair_of_two_garments_of_one_photo_shows_two_cutouts(tmp_path: Path) -> None:
    """No contender finds a picture in itself; what is brought in a file may, and it is drawn as any other pair."""
    study = study_of_garments(tmp_path)
    query = study.queries.select_related("item").earliest("position")
    other = Item.objects.filter(picture=query.item.picture_id).exclude(pk=query.item_id).get()
    Pair.objects.filter(query=query, slot=0).update(candidate=other)
    browser, cards = deck_of_everything(study)
    exposures = cast.exposures_of(cards)
    (card,) = (
        card
        for card, exposure in zip(cards, exposures, strict=True)
        if exposure.pair.query.item.picture_id == exposure.pair.candidate.picture_id
    )
    assert card["query"]["image"] != card["candidate"]["image"]
    assert card["query"]["jpeg"] != card["candidate"]["jpeg"]
    one, another = (np.median(seen(browser, card[side]), axis=(0, 1)) for side in ("query", "candidate"))
    assert np.abs(one - another).max() > 50


def test_precomputing_draws_the_cutouts_ahead_and_no_whole_photo(tmp_path: Path) -> None:
    study_of_garments(tmp_path)
    assert Cutout.objects.count() == 2 * PHOTOS
    for item in Item.objects.select_related("picture", "cutout"):
        assert default_storage.exists(rendition_name(item.shown.public_id))
        assert not default_storage.exists(rendition_name(item.picture.public_id))


def test_a_margin_and_a_dimmed_whole_are_the_studys_choice_and_the_next_rounds(tmp_path: Path) -> None:
    study = study_of_garments(tmp_path, "--dim-boxes", "--box-margin", "10")
    browser, cards = deck_of_everything(study)
    for card, exposure in zip(cards, cast.exposures_of(cards), strict=True):
        item = exposure.pair.candidate
        found = seen(browser, card["candidate"])
        assert found.shape[:2] == (160, 80)
        # White paper: bright within the margin of 6 columns, in the dark beyond it.
        middle = 35 if is_top(item) else 110
        assert found[middle, 7].min() > 220
        assert found[middle, 1].max() < 110
    following = start_round(study)
    assert following.box_style == study.box_style


@pytest.mark.parametrize("words", [(), ("--box-margin", "25"), ("--dim-boxes",)])
def test_known_answers_repeats_and_examples_show_boxes_too(tmp_path: Path, words: tuple[str, ...]) -> None:
    study = study_of_garments(tmp_path, *words)
    Study.objects.update(gold_share=0.3, repeat_share=0.2)
    study.refresh_from_db()
    assert prepare_golds(study) > 4
    sizes = {(cutout.width, cutout.height) for cutout in Cutout.objects.filter(
        dimmed=study.dim_boxes, margin=study.box_margin)}  # fmt: skip
    treated = Gold.objects.filter(picture__isnull=False).select_related("picture")
    assert treated
    assert {(gold.picture.width, gold.picture.height) for gold in treated if gold.picture} <= sizes
    whole = set(Item.objects.values_list("picture__public_id", flat=True))
    browser = cast.browser_of(cast.ada())
    while cards := cast.deck(browser, study, 10):
        for card in cards:
            for side in ("query", "candidate"):
                assert card[side]["image"].split("/")[-1].removesuffix(".webp") not in whole
        cast.send(browser, *({"token": one["token"], "verdict": "dope"} for one in cards))
        assert len(cards_of(cast.exposures_of(cards))) == len(cards)
    keys = list(Item.objects.order_by("key").values_list("key", flat=True)[:2])
    study.examples = [[*keys, "dope"]]
    example = question_examples(study)[0]
    assert {example.query.public_id, example.candidate.public_id}.isdisjoint(whole)
    assert (example.query.width, example.query.height) in sizes


def test_pages_of_the_lab_the_api_and_link_previews_show_the_boxes(
    tmp_path: Path, admin_client: Client, settings: LazySettings
) -> None:
    study_of_garments(tmp_path)
    item = Item.objects.select_related("picture", "cutout").earliest("key")
    named = f"/pictures/{item.shown.public_id}.webp"
    assert named in admin_client.get("/lab/catalogues/outfits/").content.decode()
    assert admin_client.get("/api/v1/catalogues/outfits/items/").json()["items"][0]["url"] == named
    page = Client().get("/play/garments/").content.decode()
    assert any(f"/pictures/{name}.jpg" in page for name in Cutout.objects.values_list("public_id", flat=True))
    assert not any(name in page for name in Item.objects.values_list("picture__public_id", flat=True))


def test_the_form_and_the_api_take_the_same_settings(tmp_path: Path, admin_client: Client) -> None:
    call_command("import_catalogue", "outfits", str(draw_outfits(tmp_path)), format="deepfashion2")
    call_command("register_model", "colour-histogram", name="colours")
    asked = {"slug": "one", "catalogue": "outfits", "contenders": ["colours:l1"], "dim_boxes": True, "box_margin": 5}
    made = admin_client.post("/api/v1/studies/", asked, content_type="application/json")
    assert (made.status_code, made.json()["dim_boxes"], made.json()["box_margin"]) == (201, True, 5)
    assert Cutout.objects.filter(dimmed=True, margin=5).count() == 2 * PHOTOS
    refused = admin_client.post("/api/v1/studies/", {**asked, "slug": "two", "box_margin": 101}, "application/json")
    assert "box_margin" in refused.json()["error"]["fields"]
