"""Small data sets in the published formats, true to their quirks: padding, counts, order of rows, zeros in front."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.catalog.drawing import folder, numbered, picture

CATEGORIES = ["Anorak 1", "Blazer 1", "Blouse 1", "Jeans 2", "Cape 3", "Dress 3"]
ATTRIBUTES = ["abstract chevron print 1", "floral 1", "chiffon 2", "lace 2", "a-line 3"]
DRESS, BLOUSE = "img/Sheer_Pleated-Front_Blouse", "img/Summer_Dress"
SHOTS = [f"{DRESS}/img_00000001.jpg", f"{DRESS}/img_00000002.jpg", f"{BLOUSE}/img_00000001.jpg"]


def listing(path: Path, header: str | None, rows: Sequence[str], *, count: int | None = None, end: str = "\n") -> Path:
    """A text file as they come: the count, the names of columns, rows padded with runs of blanks."""
    padded = ["      ".join(row.split("|")) for row in rows]
    lines = [str(len(rows) if count is None else count), *([header] if header else []), *padded]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes((end.join(lines) + end + end).encode())
    return path


def pictures(root: Path, paths: Sequence[str], size: tuple[int, int] = (24, 16)) -> None:
    """A picture of its own at each of these paths."""
    folder(root, {path: picture((number * 7 % 256, 90, 40), size=size) for number, path in enumerate(paths)})


def deepfashion(root: Path, *, annotations: str = "Anno", images: str = "Img", end: str = "\n") -> Path:
    """Three shots of two listings. Files list the shots in orders of their own, some without one of them."""
    anno = root / annotations
    listing(anno / "list_category_cloth.txt", "category_name  category_type", [c.replace(" ", "|") for c in CATEGORIES])
    labels = [f"{SHOTS[0]}|3", f"{SHOTS[1]}|3", f"{SHOTS[2]}|6"]
    listing(anno / "list_category_img.txt", "image_name  category_label", labels, end=end)
    names = ["|".join(name.rsplit(" ", 1)) for name in ATTRIBUTES]
    listing(anno / "list_attr_cloth.txt", "attribute_name  attribute_type", names)
    values = [f"{SHOTS[2]}|-1  1 -1 -1 -1", f"{SHOTS[0]}|1  1 0 -1 -1", f"{SHOTS[1]}|0 -1 1 1 1"]
    listing(anno / "list_attr_img.txt", "image_name  attribute_labels", values, end=end)
    boxes = [f"{SHOTS[1]}|002 003 020 012", f"{SHOTS[0]}|008 009 099 014"]
    listing(anno / "list_bbox.txt", "image_name  x_1  y_1  x_2  y_2", boxes, end=end)
    splits = [f"{SHOTS[2]}|test", f"{SHOTS[1]}|val", f"{SHOTS[0]}|train"]
    listing(root / "Eval" / "list_eval_partition.txt", "image_name  evaluation_status", splits, end=end)
    pictures(root / images if images else root, SHOTS)
    return root


IN_SHOP = [
    "img/WOMEN/Dresses/id_00000002/02_1_front.jpg",
    "img/WOMEN/Dresses/id_00000002/02_3_back.jpg",
    "img/MEN/Shirts_Polos/id_00000007/01_2_side.jpg",
]


def inshop(root: Path) -> Path:
    splits = [f"{IN_SHOP[0]}|id_00000002|query", f"{IN_SHOP[1]}|id_00000002|gallery", f"{IN_SHOP[2]}|id_00000007|train"]
    listing(root / "Eval/list_eval_partition.txt", "image_name item_id evaluation_status", splits)
    boxes = [f"{IN_SHOP[2]}|1|2|001 002 010 012", f"{IN_SHOP[1]}|3|3|002 002 011 012", f"{IN_SHOP[0]}|3|1|004 002 9 9"]
    listing(root / "Anno/list_bbox_inshop.txt", "image_name clothes_type pose_type x_1 y_1 x_2 y_2", boxes)
    listing(root / "Anno/list_item_inshop.txt", None, ["id_00000002", "id_00000007"])
    listing(root / "Anno/list_attr_cloth.txt", "attribute_name", ["Floral", "A-Line Skirt", "Denim"])
    items = ["id_00000007|-1 0 1", "id_00000002|1 1 -1"]
    listing(root / "Anno/list_attr_items.txt", "item_id attribute_labels", items)
    told = [{"item": "id_00000002", "color": "Black", "description": ["A dress.", "For summer."]}]
    (root / "Anno/list_description_inshop.json").write_text(json.dumps(told))
    pictures(root, IN_SHOP)
    return root


STREET = [f"img/DRESSES/Dress/id_00000001/comsumer_0{n}.jpg" for n in (1, 2)]
SHOP = "img/DRESSES/Dress/id_00000001/shop_01.jpg"


def consumer2shop(root: Path) -> Path:
    pairs = [f"{STREET[0]}|{SHOP}|id_00000001|val", f"{STREET[1]}|{SHOP}|id_00000001|val"]
    header = "image_pair_name_1 image_pair_name_2 item_id evaluation_status"
    listing(root / "Eval/list_eval_partition.txt", header, pairs)
    boxes = [f"{SHOP}|3|1|001 002 010 012", f"{STREET[0]}|3|2|003 002 010 012"]
    listing(root / "Anno/list_bbox_consumer2shop.txt", "image_name clothes_type source_type x_1 y_1 x_2 y_2", boxes)
    listing(root / "Anno/list_item_consumer2shop.txt", None, ["id_00000001"])
    listing(root / "Anno/list_attr_cloth.txt", "attribute_name attribute_type", ["碎花|Floral print|1", "圆领|Round|2"])
    listing(root / "Anno/list_attr_items.txt", "item_id attribute_labels", ["id_00000001|1 -1"])
    pictures(root / "Img", [*STREET, SHOP])
    return root


def garment(category: str, style: int, box: Sequence[int], **more: Any) -> dict[str, Any]:
    return {"category_name": category, "category_id": 1, "style": style, "bounding_box": list(box), **more}


def deepfashion2(root: Path) -> Path:
    annos: Mapping[str, Mapping[str, Any]] = {
        "train/annos/000001.json": {
            "source": "shop",
            "pair_id": 5,
            "item1": garment("trousers", 1, (2, 3, 20, 14), viewpoint=2, zoom_in=1, scale=3, occlusion=1),
            "item2": garment("skirt", 0, (0, 0, 9, 9), viewpoint=3, zoom_in=3),
        },
        "train/annos/000002.json": {"source": "user", "pair_id": 5, "item1": garment("trousers", 1, (1, 1, 9, 9))},
        "validation/annos/000001.json": {"source": "user", "pair_id": 5, "item1": garment("vest", 2, (1, 1, 9, 9))},
    }
    for name, record in annos.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(json.dumps(record))
    pictures(
        root,
        ["train/image/000001.jpg", "train/image/000002.jpg", "validation/image/000001.jpg", "test/image/000001.jpg"],
    )
    return root


def sop(root: Path) -> Path:
    header = "image_id class_id super_class_id path"
    train = [f"{header}", "1 1 1 bicycle_final/111085122871_0.JPG", "2 1 1 bicycle_final/111085122871_1.JPG"]
    test = [header, "3 11319 3 coffee_maker_final/281470361582_0.JPG"]
    folder(
        root,
        {
            "Ebay_train.txt": "\n".join([*train, ""]).encode(),
            "Ebay_test.txt": "\r\n".join([*test, ""]).encode(),
            "bicycle_final/111085122871_0.JPG": picture(kind="JPEG"),
            "bicycle_final/111085122871_1.JPG": picture(90, kind="JPEG", mode="L"),
            "coffee_maker_final/281470361582_0.JPG": numbered(5),
        },
    )
    return root


def street2shop(root: Path) -> Path:
    def box(left: int, top: int, width: int, height: int) -> dict[str, int]:
        return {"left": left, "top": top, "width": width, "height": height}

    pairs = [
        {"photo": 11, "product": 900, "bbox": box(2, 3, 10, 8)},
        {"photo": 11, "product": 901, "bbox": box(0, 0, 5, 5)},
    ]
    tested = [{"photo": 12, "product": 902, "bbox": box(1, 1, 9, 9)}]
    shops = [{"photo": 21, "product": 900}, {"photo": 22, "product": 902}, {"photo": 23, "product": 900}]
    for name, rows in (
        ("train_pairs_dresses", pairs),
        ("test_pairs_dresses", tested),
        ("retrieval_dresses", shops),
    ):
        path = root / "meta/json" / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(rows))
    photos = [f"{number:09d},http://shop.example/a,b/{number}.jpg" for number in (11, 12, 21, 22, 23, 21)]
    folder(root, {"photos/photos.txt": "\n".join(photos).encode()})
    pictures(root, ["images/11.jpg", "images/000000012.jpg", "images/21.jpg", "images/22.jpg"])
    return root
