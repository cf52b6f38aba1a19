"""`import_catalogue --format …`: published data sets go in, and what is missing in them is told."""

from __future__ import annotations

import json
import tracemalloc
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from evalapp.catalog.domain.importers.published.deepfashion import DeepFashionSource
from evalapp.catalog.models import Flag, Item
from evalapp.catalog.queries import active_items, catalogue_named, unflagged
from models_registry.embed import Picture, embed
from models_registry.registry import describe, load
from models_registry.spec import Box
from tests.catalog.drawing import folder, turned
from tests.catalog.importers import published
from tests.catalog.importers.test_published import MAKERS

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def answered(*words: object) -> dict[str, Any]:
    out = StringIO()
    call_command("import_catalogue", *map(str, words), "--json", stdout=out)
    document: dict[str, Any] = json.loads(out.getvalue())
    return document


@pytest.mark.parametrize("name", MAKERS)
def test_every_published_format_goes_in_and_a_second_time_changes_nothing(tmp_path: Path, name: str) -> None:
    root = MAKERS[name](tmp_path)
    first = answered("set", root, "--format", name)
    codes = {problem["code"] for problem in first["problems"]}
    assert codes <= {"missing-file"}
    assert first["new"] == Item.objects.count() > 2
    again = answered("set", root, "--format", name)
    assert (again["new"], again["updated"], again["unchanged"]) == (0, 0, first["new"])


def test_deepfashion_brings_its_images_its_boxes_and_its_categories(tmp_path: Path) -> None:
    """A box beyond the picture is cut to it; an empty one is told, and the whole picture taken."""
    root = published.deepfashion(tmp_path)
    answered("set", root, "--format", "deepfashion")
    boxes = [item.box for item in Item.objects.order_by("key")]
    assert boxes == [(8, 9, 24, 14), (2, 3, 20, 12), None]
    assert sorted(Item.objects.values_list("category", flat=True)) == ["Blouse", "Blouse", "Dress"]
    published.listing(
        root / "Anno/list_bbox.txt",
        "image_name x_1 y_1 x_2 y_2",
        [f"{published.SHOTS[0]}|9 9 9 12", f"{published.SHOTS[1]}|50 2 60 9"],
    )
    found = answered("set", root, "--format", "deepfashion")
    assert [problem["code"] for problem in found["problems"]] == ["bad-box", "bad-box"]
    assert {item.box for item in Item.objects.filter(removed=False)} == {None}


def test_pictures_that_cannot_be_fetched_are_told_and_the_rest_goes_in(tmp_path: Path) -> None:
    found = answered("set", published.street2shop(tmp_path), "--format", "street2shop")
    assert [(problem["code"], problem["path"]) for problem in found["problems"]] == [("missing-file", "images/23.jpg")]
    assert found["new"] == 5


def test_pixels_outside_the_box_never_change_the_vector(tmp_path: Path) -> None:
    """The same dress in the same place of two photos that share nothing else."""
    encoder = load(describe("tiny-vgg"))
    noise = np.random.default_rng(0)
    dress = noise.integers(0, 256, (40, 30, 3), dtype=np.uint8)
    photos = []
    for _ in range(2):
        pixels = noise.integers(0, 256, (80, 60, 3), dtype=np.uint8)
        pixels[20:60, 10:40] = dress
        photos.append(_png(pixels))
    box = Box(10, 20, 40, 60)
    [inside] = embed(encoder, [Picture(str(n), photo, box) for n, photo in enumerate(photos)], taps=["fc6"])  # type: ignore[arg-type]
    [whole] = embed(encoder, [Picture(str(n), photo) for n, photo in enumerate(photos)], taps=["fc6"])  # type: ignore[arg-type]
    assert np.array_equal(inside.vectors["fc6"][0], inside.vectors["fc6"][1])
    assert not np.allclose(whole.vectors["fc6"][0], whole.vectors["fc6"][1])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_box_drawn_on_the_pixels_as_stored_is_turned_with_the_picture(tmp_path: Path, orientation: int) -> None:
    """The red half of a picture stays the red half, however the camera was held."""
    root = published.deepfashion(tmp_path)
    photo = turned((40, 20), orientation)
    folder(root, {f"Img/{published.SHOTS[0]}": photo})
    published.listing(root / "Anno/list_bbox.txt", "image_name x_1 y_1 x_2 y_2", [f"{published.SHOTS[0]}|0 0 20 20"])
    answered("set", root, "--format", "deepfashion")
    box = Item.objects.get(key=published.SHOTS[0]).box
    assert box is not None
    from models_registry.pictures import open_rgb

    red, _, blue = np.asarray(open_rgb(photo).crop(box)).reshape(-1, 3).mean(axis=0)
    assert red > 190
    assert blue < 60


def test_what_the_data_set_calls_misleading_is_flagged_when_asked(tmp_path: Path) -> None:
    root = published.inshop(tmp_path)
    assert answered("set", root, "--format", "inshop")["flagged"] == 0
    assert answered("set", root, "--format", "inshop", "--flag-misleading")["flagged"] == 1
    flag = Flag.objects.get()
    assert (flag.item.key, flag.reason, flag.source) == (published.IN_SHOP[1], "back view", "import")
    assert flag.item not in unflagged(active_items(catalogue_named("set")))


def test_a_set_whose_pictures_are_all_missing_fails_and_says_why(tmp_path: Path) -> None:
    root = published.sop(tmp_path)
    for path in root.rglob("*.JPG"):
        path.unlink()
    with pytest.raises(CommandError, match="3 missing-file") as failure:
        call_command("import_catalogue", "set", str(root), "--format", "sop", stdout=StringIO())
    assert failure.value.returncode == 1


def test_a_thousand_attributes_of_many_pictures_take_little_memory(tmp_path: Path) -> None:
    """1,500 rows of 1,000 labels are 1.5 million numbers; as bits they take a quarter of a megabyte."""
    root = published.deepfashion(tmp_path)
    names = [f"attribute {number}|{1 + number % 5}" for number in range(1000)]
    published.listing(root / "Anno/list_attr_cloth.txt", "attribute_name attribute_type", names)
    labels = " ".join(["-1", "1", "0", "-1"] * 250)
    paths = [f"img/listing_{number // 4}/img_{number:08d}.jpg" for number in range(1500)]
    published.listing(
        root / "Anno/list_attr_img.txt", "image_name attribute_labels", [f"{path}|{labels}" for path in paths]
    )
    published.listing(root / "Anno/list_category_img.txt", "image_name category_label", [f"{path}|1" for path in paths])
    source = DeepFashionSource(root, {})
    tracemalloc.start()
    first = next(row for row in source.rows() if not hasattr(row, "code"))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2_000_000
    assert first.attributes["texture"].startswith("attribute 5, ")  # type: ignore[union-attr]


def _png(pixels: np.ndarray) -> bytes:
    from io import BytesIO

    from PIL import Image

    out = BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()
