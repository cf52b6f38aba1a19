"""Photo in, items out; an item in, more like it; and the attributes where there is no service."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from evalapp.catalog.services.item_flags import flag_items, lift_flags
from evalapp.catalog.services.items import remove_items, upsert_items
from evalapp.search.models import SearchIndex
from tests.catalog.drawing import bomb
from tests.search.shop import HUES, ServiceHere, draft, photo

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def ask_photo(data: bytes, client: APIClient | None = None, index: str = "shop", **words: Any) -> Any:
    form = {"photo": SimpleUploadedFile("my cat.jpg", data, "image/jpeg"), **words}
    return (client or APIClient()).post(f"/api/v1/search/{index}/photo/", form, format="multipart")


def keys(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [one["key"] for one in answer.json()["answers"]]


def ask_item(**words: Any) -> Any:
    return APIClient().post("/api/v1/search/shop/item/", words, format="json")


def test_a_photo_finds_what_looks_like_it(service: ServiceHere) -> None:
    answer = ask_photo(photo(HUES["green"]), k=2)
    assert set(keys(answer)) == {"green-dress", "green-shirt"}
    document = answer.json()
    assert (document["by"], document["generation"], document["picture"]) == ("vectors", 1, [48, 64])
    assert document["facets"]["category"] == {"dress": 6, "shirt": 6}
    assert document["guess"]["product"]["likeliest"] == "green"
    assert document["guess"]["product"]["confidence"] is None


def test_a_box_looks_at_that_part_only(service: ServiceHere) -> None:
    from io import BytesIO

    from PIL import Image

    both = Image.new("RGB", (96, 64))
    both.paste(Image.open(BytesIO(photo(HUES["red"]))), (0, 0))
    both.paste(Image.open(BytesIO(photo(HUES["blue"]))), (48, 0))
    out = BytesIO()
    both.save(out, "PNG")
    assert keys(ask_photo(out.getvalue(), k=1, box="0,0,48,64"))[0].startswith("red")
    assert keys(ask_photo(out.getvalue(), k=1, box="48,0,96,64"))[0].startswith("blue")


def test_filters_let_only_their_values_through_and_facets_count_the_others(service: ServiceHere) -> None:
    filters = json.dumps({"category": ["shirt"], "attributes.colour": ["red", "blue"]})
    answer = ask_photo(photo(HUES["red"]), filters=filters)
    assert sorted(keys(answer)) == ["blue-shirt", "red-shirt"]
    facets = answer.json()["facets"]
    assert facets["category"] == {"dress": 2, "shirt": 2}
    assert facets["attributes.colour"] == dict.fromkeys(sorted(HUES), 1)


def test_answers_can_be_collapsed_to_products(service: ServiceHere) -> None:
    answer = ask_photo(photo(HUES["red"]), group="product")
    products = [one["product"] for one in answer.json()["answers"]]
    assert sorted(products) == sorted(HUES)
    assert products[0] == "red"


def test_more_like_an_item_leaves_the_item_out(service: ServiceHere) -> None:
    assert keys(ask_item(key="red-dress", k=3))[0] == "red-shirt"
    assert "red-dress" not in keys(ask_item(key="red-dress", k=30))


def test_what_was_liked_moves_the_question(service: ServiceHere) -> None:
    answer = keys(ask_item(like=["blue-dress", "blue-shirt"], unlike=["red-dress"], k=4))
    assert not {"blue-dress", "blue-shirt", "red-dress"} & set(answer)
    liked = keys(ask_photo(photo(HUES["red"]), like=["green-dress"], k=1))
    assert liked != ["green-dress"]


def test_a_vector_of_another_length_is_refused(service: ServiceHere) -> None:
    answer = APIClient().post("/api/v1/search/shop/vector/", {"vector": [1.0, 2.0]}, format="json")
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "invalid"


@pytest.mark.parametrize("up", [True, False])
def test_what_has_left_the_catalogue_is_never_shown_even_if_the_service_has_not_heard(
    service: ServiceHere, up: bool
) -> None:
    service.is_up = up
    remove_items("shop", ["green-dress"])
    flag_items("shop", ["green-shirt"], "bad box")
    answer = keys(ask_photo(photo(HUES["green"]), k=12))
    assert len(answer) == 10
    assert not {"green-dress", "green-shirt"} & set(answer)


def test_changes_are_seen_without_a_new_generation(service: ServiceHere, index: SearchIndex) -> None:
    upsert_items("shop", [draft("lime-hat", photo(90), category="hat", product="lime")])
    service.served.look_at_rows()
    assert keys(ask_photo(photo(90), k=1)) == ["lime-hat"]
    flag_items("shop", ["lime-hat"], "bad box")
    service.served.look_at_rows()
    assert "lime-hat" not in keys(ask_photo(photo(90)))
    lift_flags("shop", ["lime-hat"])
    service.served.look_at_rows()
    assert keys(ask_photo(photo(90), k=1)) == ["lime-hat"]
    # Another picture under the same key: the old one must be gone, the new one there.
    upsert_items("shop", [draft("lime-hat", photo(330), category="hat", product="lime")])
    service.served.look_at_rows()
    assert keys(ask_photo(photo(330), k=1)) == ["lime-hat"]
    assert keys(ask_photo(photo(90), k=1)) != ["lime-hat"]
    upsert_items("shop", [draft("lime-hat", photo(330), category="cap", product="lime")])
    service.served.look_at_rows()
    assert ask_photo(photo(330), k=1).json()["answers"][0]["category"] == "cap"
    assert ask_photo(photo(330)).json()["facets"]["category"]["cap"] == 1
    assert service.served.answer_lookup is not None
    index.refresh_from_db()
    assert index.serving is not None
    assert index.serving.number == 1


def test_without_the_service_the_attributes_answer_and_say_so(service: ServiceHere) -> None:
    service.is_up = False
    answer = ask_item(key="red-dress", k=3)
    assert answer.json()["by"] == "attributes"
    assert keys(answer)[0] == "red-shirt" or answer.json()["answers"][0]["category"] == "dress"
    told = ask_photo(photo(HUES["red"]), filters=json.dumps({"category": ["shirt"]}))
    assert {one["category"] for one in told.json()["answers"]} == {"shirt"}


def test_a_service_that_does_not_answer_is_not_asked_for_a_while(service: ServiceHere) -> None:
    service.is_up = False
    for _ in range(12):
        ask_item(key="red-dress")
    assert service.asked == 5


def test_the_baseline_has_the_same_form(service: ServiceHere) -> None:
    words = {"category": "dress", "attributes": {"colour": "blue", "contains": "x"}, "k": 2}
    answer = APIClient().post("/api/v1/search/shop/attributes/", words, format="json")
    assert keys(answer)[0] == "blue-dress"
    assert answer.json().keys() == ask_item(key="red-dress").json().keys()


@pytest.mark.parametrize(
    ("data", "code", "status"),
    [
        (b"no picture at all", "not_a_picture", 400),
        (photo(0)[:200], "not_a_picture", 400),
        (bomb(), "too_large", 413),
    ],
)
def test_what_is_no_photo_is_refused_with_a_reason(service: ServiceHere, data: bytes, code: str, status: int) -> None:
    answer = ask_photo(data)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


def test_a_file_beyond_the_limit_is_refused_before_it_is_read(service: ServiceHere, settings: LazySettings) -> None:
    settings.SEARCH_PHOTO_MB = 1
    for size in (1_048_577, 3_000_000):
        answer = ask_photo(b"\xff" * size)
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")


@pytest.mark.parametrize(
    "words",
    [
        {"box": "1,2,3"},
        {"box": "9,9,3,3"},
        {"box": "nan,1,2,3"},
        {"box": "900,900,1000,1000"},
        {"filters": "[1]"},
        {"filters": '{"id": ["1"]}'},
        {"filters": '{"attributes.a\\u0000": ["1"]}'},
        {"filters": '{"category": [["x"]]}'},
        {"k": "0"},
        {"metric": "hamming"},
        {"metric": "l7"},
    ],
)
def test_words_that_are_off_are_told(service: ServiceHere, words: dict[str, str]) -> None:
    answer = ask_photo(photo(0), **words)
    assert answer.status_code == 400, answer.content
    assert answer.json()["error"]["code"] == "invalid"


@pytest.mark.parametrize("name", ["attributes.contains", "attributes.a__b", "attributes.0", "attributes.isnull"])
def test_an_attribute_may_have_any_name(service: ServiceHere, name: str) -> None:
    for up in (True, False):
        service.is_up = up
        assert keys(ask_photo(photo(0), filters=json.dumps({name: ["x"]}))) == []


def test_a_private_index_does_not_exist_for_strangers(
    service: ServiceHere, index: SearchIndex, operator: APIClient
) -> None:
    SearchIndex.objects.update(is_public=False)
    assert ask_photo(photo(0)).status_code == 404
    assert ask_item(key="red-dress").status_code == 404
    assert ask_photo(photo(0), operator).status_code == 200


def test_an_address_that_asks_for_too_much_is_told_to_wait(service: ServiceHere, settings: LazySettings) -> None:
    settings.ADDRESS_SEARCHES_PER_MINUTE = 2
    told = [ask_item(key="red-dress").status_code for _ in range(3)]
    assert told == [200, 200, 429]
