"""Boxes that are suggested and backgrounds that are blanked: by the networks that people registered."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from PIL import Image
from rest_framework.test import APIClient

from evalapp.catalog.models import Item
from evalapp.catalog.services.items import upsert_items
from evalapp.contenders.models import EmbeddingModel, RegionNetwork
from evalapp.contenders.pipeline import embeddings, vector_storage
from evalapp.contenders.services.region_registration import register_region
from evalapp.contenders.services.registration import register_model
from evalapp.core.domain.errors import InvalidInput
from evalapp.core.pipeline.chunk_work import work_on
from evalapp.search.models import SearchIndex
from evalapp.search.services.search_indexes import IndexPlan, choose_locator, create_index, request_build
from tests.models_registry.regions.toy_networks import detector, mask_net
from tests.search.shop import HUES, ServiceHere, draft, photo
from tests.search.test_lookups import ask_photo

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture
def locator(tmp_path: Path) -> RegionNetwork:
    return register_region("locator", source=f"onnx:{detector(tmp_path / 'd.onnx')}", name="things", options={})[0]


@pytest.fixture
def masker(tmp_path: Path) -> RegionNetwork:
    rules = {"mean": "0", "std": "1"}
    return register_region("masker", source=f"onnx:{mask_net(tmp_path / 'm.onnx')}", name="bright", options=rules)[0]


def regions(answer: Any) -> list[tuple[list[int], str]]:
    assert answer.status_code == 200, answer.content
    return [(one["box"], one["by"]) for one in answer.json()["regions"]]


def scene(dark: tuple[int, int, int], thing: tuple[int, int, int]) -> bytes:
    """A bright thing on a dark background."""
    image = Image.new("RGB", (64, 64), dark)
    image.paste(thing, (16, 16, 48, 48))
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def test_a_registered_locator_suggests_and_nothing_is_forced(
    service: ServiceHere, index: SearchIndex, locator: RegionNetwork
) -> None:
    data = photo(HUES["green"], size=(40, 20))
    assert regions(ask_photo(data, suggest="true")) == []
    before = ask_photo(data).json()["answers"]
    choose_locator(index, "things")
    service.served.look_at_rows()
    answer = ask_photo(data, suggest="true")
    assert regions(answer) == [([10, 10, 40, 20], "locator"), ([0, 0, 20, 10], "locator")]
    assert answer.json()["answers"] == before
    assert regions(ask_photo(data)) == []
    choose_locator(index, "")
    service.served.look_at_rows()
    assert regions(ask_photo(data, suggest="true")) == []
    with pytest.raises(InvalidInput, match="no locator 'others'; there are things"):
        choose_locator(index, "others")


def test_the_boxes_that_the_catalogue_has_in_this_very_picture_come_first(
    service: ServiceHere, index: SearchIndex, locator: RegionNetwork
) -> None:
    street = photo(200, size=(80, 60))
    boxes = [(0, 0, 30, 60), (40, 0, 80, 60)]
    upsert_items("shop", [draft(f"street-{n}", street, category="hat", box=box) for n, box in enumerate(boxes)])
    choose_locator(index, "things")
    service.served.look_at_rows()
    found = regions(ask_photo(street, suggest="true"))
    assert found[:2] == [([0, 0, 30, 60], "catalogue"), ([40, 0, 80, 60], "catalogue")]
    assert [by for _, by in found[2:]] == ["locator", "locator"]


def test_a_locator_whose_file_is_gone_costs_its_suggestions_and_no_answer(
    service: ServiceHere, index: SearchIndex, locator: RegionNetwork, settings: Any
) -> None:
    (Path(settings.WEIGHTS_DIR) / locator.weights).unlink()
    choose_locator(index, "things")
    service.served.look_at_rows()
    answer = ask_photo(photo(HUES["red"]), suggest="true")
    assert regions(answer) == []
    assert answer.json()["by"] == "vectors"


class TestMaskedVectors:
    """Red things in front of dark blue or dark green, and green things likewise."""

    DARK = {"blue": (0, 0, 110), "green": (0, 80, 0)}
    BRIGHT = {"orange": (255, 200, 120), "mint": (150, 255, 210)}

    @pytest.fixture
    def masked(self, masker: RegionNetwork, monkeypatch: pytest.MonkeyPatch) -> ServiceHere:
        from evalapp.search.domain.circuit_breaker import CircuitBreaker
        from evalapp.search.queries import service_client

        drafts = [
            draft(f"{thing}-on-{ground}", scene(dark, bright), category=thing)
            for ground, dark in self.DARK.items()
            for thing, bright in self.BRIGHT.items()
        ]
        upsert_items("things", drafts)
        register_model(source="colour-histogram", name="colours", options={})
        for slug, name in (("plain", ""), ("masked", "bright")):
            plan = IndexPlan(slug=slug, catalogue="things", encoder="colours", is_public=True, masker=name)
            work_on(request_build(create_index(plan)).pk)
        here = ServiceHere()
        monkeypatch.setattr(service_client, "_post_message", here.post)
        monkeypatch.setattr(service_client, "breaker", CircuitBreaker())
        here.served.look_at_rows()
        return here

    def first_two(self, index: str, data: bytes) -> set[str]:
        answers = ask_photo(data, index=index).json()["answers"]
        return {one["key"] for one in answers[:2]}

    def test_a_masked_index_finds_things_and_a_plain_one_backgrounds(self, masked: ServiceHere) -> None:
        asked = scene(self.DARK["green"], self.BRIGHT["orange"])
        assert self.first_two("plain", asked) == {"orange-on-green", "mint-on-green"}
        assert self.first_two("masked", asked) == {"orange-on-green", "orange-on-blue"}

    def test_masked_and_plain_vectors_lie_side_by_side_and_share_no_key(
        self, masked: ServiceHere, masker: RegionNetwork
    ) -> None:
        model = EmbeddingModel.objects.get()
        (tap,) = (tap["name"] for tap in model.spec["taps"])
        items = list(Item.objects.values_list("pk", flat=True))
        plain, blanked = ({content.key for content in embeddings.contents(model, items, by)} for by in (None, masker))
        assert not plain & blanked
        assert embeddings.folder_of(model, tap).count == 8
        assert embeddings.items_without_vectors(model, [tap], items, masker) == []
        # Both are needed, and pruning takes neither.
        assert vector_storage.prune_vectors() == []
        SearchIndex.objects.get(slug="masked").delete()
        assert len(vector_storage.prune_vectors()) == 1
        assert embeddings.items_without_vectors(model, [tap], items) == []

    def test_what_comes_later_is_masked_as_well(self, masked: ServiceHere) -> None:
        pale = (255, 250, 160)
        upsert_items("things", [draft("pale", scene((90, 0, 0), pale), category="pale")])
        masked.served.look_at_rows()
        asked = scene(self.DARK["blue"], pale)
        assert ask_photo(asked, index="masked", k=1).json()["answers"][0]["key"] == "pale"

    def test_an_encoder_that_reads_no_pictures_has_nothing_to_mask(self, masked: ServiceHere) -> None:
        model = EmbeddingModel.objects.get()
        EmbeddingModel.objects.update(spec={**model.spec, "reads": "keys"})
        with pytest.raises(InvalidInput, match="nothing can be masked"):
            create_index(IndexPlan(slug="x", catalogue="things", encoder="colours", masker="bright"))
        with pytest.raises(InvalidInput, match="no masker 'dim'; there are bright"):
            create_index(IndexPlan(slug="x", catalogue="things", encoder="colours", masker="dim"))


def test_the_doors_choose_locators_and_maskers_by_name(
    index: SearchIndex, operator: APIClient, locator: RegionNetwork, masker: RegionNetwork
) -> None:
    plan = {"index": "two", "catalogue": "shop", "encoder": "colours", "locator": "things", "masker": "bright"}
    made = operator.post("/api/v1/indexes/", plan, format="json")
    assert (made.status_code, made.json()["locator"], made.json()["masker"]) == (201, "things", "bright")
    changed = operator.patch("/api/v1/indexes/two/", {"locator": ""}, format="json").json()
    assert (changed["locator"], changed["public"]) == (None, False)
    assert operator.patch("/api/v1/indexes/two/", {"locator": "nowhere"}, format="json").status_code == 400

    browser = Client()
    browser.force_login(User.objects.create_user("omar", is_staff=True))
    assert "things" in browser.get("/lab/search/").content.decode()
    browser.post("/lab/search/two/change/", {"locator": "things"})
    assert SearchIndex.objects.get(slug="two").locator == locator
    page = browser.get("/lab/search/two/").content.decode()
    assert "backgrounds blanked by bright" in page
