"""Published data sets, quirks included: what is in the lists comes out, what is wrong in them is said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalapp.catalog.domain.importers import open_source
from evalapp.catalog.domain.importers.importer_base import Record, RowFault
from evalapp.catalog.domain.importers.published.list_files import Listing, PathIndex
from evalapp.catalog.domain.importers.published.picture_labels import _small_numbers
from evalapp.core.domain.errors import InvalidInput
from tests.catalog.importers import published
from tests.catalog.importers.published import DRESS, IN_SHOP, SHOP, SHOTS, STREET, listing

MAKERS: dict[str, Callable[[Path], Path]] = {
    "deepfashion": published.deepfashion,
    "inshop": published.inshop,
    "consumer2shop": published.consumer2shop,
    "deepfashion2": published.deepfashion2,
    "sop": published.sop,
    "street2shop": published.street2shop,
}


def read(path: Path, name: str) -> tuple[dict[str, Record], list[RowFault]]:
    rows = list(open_source(path, name, {}).rows())
    records = [row for row in rows if isinstance(row, Record)]
    assert len({record.key for record in records}) == len(records)
    return {record.key: record for record in records}, [row for row in rows if isinstance(row, RowFault)]


def codes(faults: list[RowFault]) -> list[str]:
    return [fault.code for fault in faults]


def test_deepfashion_gives_categories_attributes_boxes_splits_and_listings(tmp_path: Path) -> None:
    found, faults = read(published.deepfashion(tmp_path), "deepfashion")
    assert faults == []
    assert list(found) == SHOTS
    first, second, third = found.values()
    assert [record.category for record in found.values()] == ["Blouse", "Blouse", "Dress"]
    assert [record.split for record in found.values()] == ["train", "val", "test"]
    assert (first.product, second.product, third.product) == (DRESS[4:], DRESS[4:], "Summer_Dress")
    assert (first.box, second.box, third.box) == ((8, 9, 99, 14), (2, 3, 20, 12), None)
    assert first.path == f"Img/{SHOTS[0]}"
    assert first.attributes == {"texture": "abstract chevron print, floral", "shape": "none", "worn": "upper body"}
    assert second.attributes == {"fabric": "chiffon, lace", "shape": "a-line", "worn": "upper body"}
    assert third.attributes == {"texture": "floral", "fabric": "none", "shape": "none", "worn": "full body"}


@pytest.mark.parametrize("annotations", ["Anno", "Anno_coarse", "Anno_fine"])
@pytest.mark.parametrize("images", ["Img", "", "Images"])
@pytest.mark.parametrize("part", ["", "annotations", "Eval"])
def test_deepfashion_is_found_in_every_layout(tmp_path: Path, annotations: str, images: str, part: str) -> None:
    root = published.deepfashion(tmp_path / "set", annotations=annotations, images=images, end="\r\n")
    found, faults = read(root / (annotations if part == "annotations" else part), "deepfashion")
    assert faults == []
    assert [(root / record.path).is_file() for record in found.values()] == [True] * 3


def test_the_fine_annotations_have_split_files_of_their_own(tmp_path: Path) -> None:
    root = published.deepfashion(tmp_path, annotations="Anno_fine")
    for split, shot in zip(("test", "train", "val"), SHOTS, strict=True):
        (root / "Anno_fine" / f"{split}.txt").write_text(f"{shot}\n")
    found, _ = read(root / "Anno_fine", "deepfashion")
    assert [record.split for record in found.values()] == ["test", "train", "val"]
    assert found[SHOTS[1]].attributes["sleeve"] == "chiffon, lace"


def test_boxes_do_not_fit_the_large_pictures(tmp_path: Path) -> None:
    root = published.deepfashion(tmp_path)
    (root / "Img/img").rename(root / "Img/img_highres")
    found, faults = read(root, "deepfashion")
    assert {record.box for record in found.values()} == {None}
    assert found[SHOTS[0]].path == f"Img/{SHOTS[0]}".replace("img/", "img_highres/", 1)
    assert codes(faults) == ["no-boxes"]


def test_wrong_counts_and_broken_rows_are_told_and_cost_only_their_row(tmp_path: Path) -> None:
    root = published.deepfashion(tmp_path)
    labels = [f"{SHOTS[0]}|3", f"{SHOTS[1]}|99", "img/only/path.jpg", f"{SHOTS[2]}|0"]
    listing(root / "Anno/list_category_img.txt", "image_name category_label", labels, count=7)
    listing(
        root / "Anno/list_attr_img.txt", "image_name attribute_labels", [f"{SHOTS[0]}|1 1 0", "img/x/y.jpg|1 1 0 1 2"]
    )
    listing(root / "Anno/list_bbox.txt", "image_name x_1 y_1 x_2 y_2", [f"{SHOTS[0]}|1 2 x 4", "img/x/y.jpg|1 2 3 4"])
    found, faults = read(root, "deepfashion")
    assert list(found) == [SHOTS[0]]
    assert (found[SHOTS[0]].box, set(found[SHOTS[0]].attributes)) == (None, {"worn"})
    assert Counter(codes(faults)) == {"broken-row": 4, "unknown-category": 2, "unlisted": 1, "wrong-count": 1}
    [count] = [fault for fault in faults if fault.code == "wrong-count"]
    assert "says 7 rows; there are 4" in count.message
    assert sum(fault.left_out for fault in faults) == 3


def test_missing_lists_are_missed_only_where_nothing_goes_without_them(tmp_path: Path) -> None:
    root = published.deepfashion(tmp_path)
    for name in ("Anno/list_bbox.txt", "Anno/list_attr_img.txt", "Eval/list_eval_partition.txt"):
        (root / name).unlink()
    found, faults = read(root, "deepfashion")
    assert faults == []
    assert found[SHOTS[0]] == Record(
        3, f"Img/{SHOTS[0]}", SHOTS[0], "Blouse", DRESS[4:], attributes={"worn": "upper body"}, unrotated=True
    )


def test_in_shop_gives_products_poses_and_what_the_shop_says(tmp_path: Path) -> None:
    found, faults = read(published.inshop(tmp_path), "inshop")
    assert faults == []
    front, back, side = (found[key] for key in IN_SHOP)
    assert (front.category, front.product, front.split) == ("Dresses", "id_00000002", "query")
    assert (back.split, back.flag, front.flag, side.flag) == ("gallery", "back view", "", "")
    assert (front.box, side.box) == ((4, 2, 9, 9), (1, 2, 10, 12))
    assert front.attributes == {
        "gender": "WOMEN",
        "pose": "front",
        "colour": "Black",
        "description": "A dress. For summer.",
        "attributes": "Floral, A-Line Skirt",
    }
    assert side.attributes == {"gender": "MEN", "pose": "side", "attributes": "Denim"}


def test_descriptions_that_are_no_json_are_told(tmp_path: Path) -> None:
    root = published.inshop(tmp_path)
    (root / "Anno/list_description_inshop.json").write_text("[{")
    found, faults = read(root, "inshop")
    assert (len(found), codes(faults)) == (3, ["bad-json"])


def test_consumer_to_shop_takes_every_picture_once(tmp_path: Path) -> None:
    found, faults = read(published.consumer2shop(tmp_path), "consumer2shop")
    assert faults == []
    assert {key: record.domain for key, record in found.items()} == {
        STREET[0]: "consumer",
        STREET[1]: "consumer",
        SHOP: "shop",
    }
    assert found[SHOP].box == (1, 2, 10, 12)
    assert found[STREET[1]].box is None
    assert {(record.product, record.category, record.split) for record in found.values()} == {
        ("id_00000001", "Dress", "val")
    }
    assert found[SHOP].attributes == {"attributes": "Floral print"}


def test_deepfashion2_gives_every_garment_its_box_and_style_zero_no_product(tmp_path: Path) -> None:
    found, faults = read(published.deepfashion2(tmp_path), "deepfashion2")
    assert faults == []
    assert list(found) == [
        "train/image/000001.jpg#item1",
        "train/image/000001.jpg#item2",
        "train/image/000002.jpg#item1",
        "validation/image/000001.jpg#item1",
        "test/image/000001.jpg",
    ]
    trousers, skirt, worn, vest, unknown = found.values()
    assert trousers.product == worn.product == "train/5/1"
    assert (skirt.product, vest.product) == ("", "validation/5/2")
    assert (trousers.domain, worn.domain) == ("shop", "user")
    assert trousers.box == (2, 3, 20, 14)
    assert trousers.attributes == {"scale": "large", "occlusion": "slight", "zoom_in": "none", "viewpoint": "front"}
    assert (skirt.flag, trousers.flag) == ("close-up", "")
    assert (unknown.category, unknown.box, unknown.split) == ("", None, "test")
    alone, _ = read(tmp_path / "train", "deepfashion2")
    assert list(alone) == list(found)[:3]


def test_deepfashion2_without_an_annotation_or_with_a_broken_one_tells_so(tmp_path: Path) -> None:
    root = published.deepfashion2(tmp_path)
    (root / "train/annos/000001.json").write_text("{")
    (root / "train/annos/000002.json").unlink()
    (root / "validation/annos/000001.json").write_text('{"source": "user", "pair_id": 1, "item1": {"style": "x"}}')
    found, faults = read(root, "deepfashion2")
    assert list(found) == ["test/image/000001.jpg"]
    assert codes(faults) == ["bad-json", "missing-annotation", "broken-row"]


def test_stanford_online_products_gives_classes_and_super_classes(tmp_path: Path) -> None:
    found, faults = read(published.sop(tmp_path), "sop")
    assert faults == []
    assert [(record.category, record.product, record.split) for record in found.values()] == [
        ("bicycle", "1", "train"),
        ("bicycle", "1", "train"),
        ("coffee_maker", "11319", "test"),
    ]
    with (tmp_path / "Ebay_test.txt").open("a") as file:
        file.write("4 x 3 toaster_final/1_0.JPG\n")
    assert codes(read(tmp_path, "sop")[1]) == ["broken-row"]


def test_street2shop_gives_a_box_per_product_and_corners_for_widths(tmp_path: Path) -> None:
    found, faults = read(published.street2shop(tmp_path), "street2shop")
    assert faults == []
    assert found["street/11/900"].box == (2, 3, 12, 11)
    assert found["street/11/901"].box == (0, 0, 5, 5)
    assert {key: record.split for key, record in found.items()} == {
        "street/11/900": "train",
        "street/11/901": "train",
        "street/12/902": "test",
        "shop/21/900": "",
        "shop/22/902": "",
        "shop/23/900": "",
    }
    assert (found["street/12/902"].path, found["shop/21/900"].path) == ("images/000000012.jpg", "images/21.jpg")
    assert {record.category for record in found.values()} == {"dresses"}


def test_street2shop_with_rows_that_lack_something_tells_so(tmp_path: Path) -> None:
    root = published.street2shop(tmp_path)
    rows = '[{"photo": 1}, {"photo": 1, "product": 2, "bbox": {"left": 0, "top": 0, "width": 0, "height": 5}}]'
    (root / "meta/json/train_pairs_dresses.json").write_text(rows)
    (root / "meta/json/test_pairs_dresses.json").write_text("{}")
    found, faults = read(root, "street2shop")
    assert len(found) == 3
    assert codes(faults) == ["broken-row", "broken-row", "bad-json"]


@pytest.mark.parametrize("name", MAKERS)
def test_a_folder_of_something_else_is_refused_with_the_file_that_is_missing(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidInput, match=r"is this|has no"):
        open_source(tmp_path, name, {})


@pytest.mark.parametrize("name", MAKERS)
def test_columns_cannot_be_mapped(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidInput, match="Leave --map out"):
        open_source(MAKERS[name](tmp_path), name, {"path": "image"})


@pytest.mark.parametrize("name", MAKERS)
def test_the_progress_bar_knows_about_how_much_there_is(tmp_path: Path, name: str) -> None:
    source = open_source(MAKERS[name](tmp_path), name, {})
    assert source.count() == pytest.approx(len(list(source.rows())), rel=0.5)


def test_a_path_is_found_where_it_was_given_first() -> None:
    index = PathIndex(["a", "b", "a"])
    assert (index.find_path("a"), index.find_path("b"), index.find_path("c"), len(index)) == (0, 1, -1, 3)
    assert PathIndex([]).find_path("a") == -1


@pytest.mark.parametrize("content", ["", "\n", "no number\nname\na b\n"])
def test_a_list_without_its_count_is_told(tmp_path: Path, content: str) -> None:
    (tmp_path / "list.txt").write_text(content)
    found = Listing(tmp_path / "list.txt")
    list(found.rows())
    assert codes(found.faults) == ["wrong-count"]


@given(st.lists(st.sampled_from([1, 0, -1]), max_size=40), st.sampled_from([" ", "   ", "\t"]))
def test_labels_read_by_bytes_are_those_read_by_splitting(values: list[int], between: str) -> None:
    found = _small_numbers(between.join(map(str, values)) + "\r\n")
    assert found is not None
    assert found.tolist() == values


@pytest.mark.parametrize("text", ["1 x 0", "1.0", "1,0", "2", "ü"])
def test_labels_that_are_none_are_refused(text: str) -> None:
    assert _small_numbers(text) is None
