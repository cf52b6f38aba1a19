"""Tagging photos: several products in one, confirmed or rejected, exported, and learnt from."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client
from PIL import Image
from rest_framework.test import APIClient

from evalapp.catalog.models import Catalogue, Item, Picture
from evalapp.catalog.services.items import upsert_items
from evalapp.catalog.services.withdraw_pictures import withdraw_pictures
from evalapp.contenders.models import EmbeddingModel
from evalapp.core.domain.errors import Conflict, InvalidInput, NotFound
from evalapp.search.models import PhotoTag, SearchIndex, TaggedPhoto
from evalapp.search.services.photo_tags import bring_photo, decide_tag, forget_photo, take_photo
from evalapp.training.pipeline.datasets import label_data
from evalapp.training.services.training_runs import begin_run
from models_registry.training.labels.groups import check_groups
from models_registry.training.labels.label_configs import TripletConfig
from tests.search.shop import HUES, ServiceHere, draft, photo

pytestmark = [pytest.mark.django_db, pytest.mark.database]

RED, BLUE = (0, 0, 48, 64), (48, 0, 96, 64)


def outfit() -> bytes:
    """Something red on the left and something blue on the right, with a word of where it was taken."""
    both = Image.new("RGB", (96, 64))
    both.paste(Image.open(io.BytesIO(photo(HUES["red"]))), (0, 0))
    both.paste(Image.open(io.BytesIO(photo(HUES["blue"]))), (48, 0))
    exif = Image.Exif()
    exif[0x010E] = "at home"
    out = io.BytesIO()
    both.save(out, "JPEG", exif=exif, quality=95)
    return out.getvalue()


@pytest.fixture
def shop(index: SearchIndex) -> Catalogue:
    """The catalogue, its items told to be the shop's."""
    index.catalogue.items.update(domain="shop")
    return index.catalogue


@pytest.fixture
def brought(shop: Catalogue) -> TaggedPhoto:
    return bring_photo(shop, outfit(), who="olga")


class TestSaying:
    def test_what_is_confirmed_is_an_item_of_another_domain_with_its_box(self, brought: TaggedPhoto) -> None:
        tag = decide_tag(brought, RED, "red", "confirm", who="olga", rank=1, confidence=0.9)
        assert tag is not None
        assert tag.item is not None
        item = Item.objects.get(pk=tag.item.pk)
        assert (item.product, item.category, item.domain, item.box) == ("red", "dress", "street", RED)
        assert item.cutout is not None
        other = decide_tag(brought, BLUE, "blue", "confirm")
        assert other is not None
        assert other.item != tag.item
        assert brought.tags.filter(decision="confirmed").count() == 2

    def test_said_again_it_is_the_same_and_taken_back_it_is_gone(self, brought: TaggedPhoto) -> None:
        first = decide_tag(brought, RED, "red", "confirm")
        assert decide_tag(brought, RED, "red", "confirm") == first
        assert decide_tag(brought, RED, "red", "undo") is None
        assert not Item.objects.filter(domain="street", removed=False).exists()
        rejected = decide_tag(brought, RED, "green", "reject")
        assert rejected is not None
        assert rejected.item is None
        assert not Item.objects.filter(domain="street", removed=False).exists()

    def test_a_rejection_after_a_confirmation_takes_the_item_out(self, brought: TaggedPhoto) -> None:
        decide_tag(brought, RED, "red", "confirm")
        decide_tag(brought, RED, "red", "reject")
        assert list(brought.tags.values_list("decision", flat=True)) == ["rejected"]
        assert not Item.objects.filter(domain="street", removed=False).exists()
        again = decide_tag(brought, RED, "red", "confirm")
        assert again is not None
        assert again.item is not None
        assert not again.item.removed

    def test_a_box_shows_one_thing(self, brought: TaggedPhoto) -> None:
        decide_tag(brought, RED, "red", "confirm")
        with pytest.raises(Conflict, match="shows red already"):
            decide_tag(brought, RED, "pink", "confirm")
        # The whole photo is another box.
        whole = decide_tag(brought, None, "pink", "confirm")
        assert whole is not None
        assert whole.item is not None
        assert (whole.box, whole.item.box) == ((0, 0, 96, 64), None)

    def test_words_that_are_off_are_told(self, brought: TaggedPhoto) -> None:
        with pytest.raises(InvalidInput, match="is no decision"):
            decide_tag(brought, RED, "red", "maybe")
        with pytest.raises(InvalidInput, match="lies outside"):
            decide_tag(brought, (200, 200, 300, 300), "red", "confirm")
        for product in ("", "mauve", "re\x00d"):
            with pytest.raises(NotFound, match="no item of the product"):
                decide_tag(brought, RED, product, "confirm")
        with pytest.raises(InvalidInput, match="domain"):
            bring_photo(brought.catalogue, photo(77), domain="x" * 81)
        with pytest.raises(NotFound, match="no item"):
            take_photo(brought.catalogue, "nowhere")


class TestPhotos:
    def test_its_pixels_are_kept_and_nothing_else(self, brought: TaggedPhoto, settings: Any) -> None:
        stored = (Path(settings.MEDIA_ROOT) / brought.picture.file).read_bytes()
        assert b"at home" not in stored
        assert bring_photo(brought.catalogue, outfit()).pk == brought.pk

    def test_a_photo_of_the_catalogue_keeps_its_domain(self, shop: Catalogue) -> None:
        upsert_items("shop", [draft("street-1", outfit(), domain="pavement")])
        photo_of_item = take_photo(shop, "street-1")
        assert photo_of_item.domain == "pavement"
        tag = decide_tag(photo_of_item, RED, "red", "confirm")
        assert tag is not None
        assert tag.item is not None
        assert tag.item.key == "street-1#0,0,48,64"

    def test_forgotten_it_is_gone_with_its_items_and_its_file(self, brought: TaggedPhoto, settings: Any) -> None:
        decide_tag(brought, RED, "green", "reject")
        file = Path(settings.MEDIA_ROOT) / brought.picture.file
        forget_photo(brought)
        assert (TaggedPhoto.objects.count(), PhotoTag.objects.count(), file.exists()) == (0, 0, False)
        again = bring_photo(brought.catalogue, outfit())
        decide_tag(again, RED, "red", "confirm")
        forget_photo(again)
        # The item's row stays, as those of all items do; nobody is shown it.
        assert not Item.objects.filter(domain="street", removed=False).exists()

    def test_what_was_withdrawn_is_not_taken_in_again(self, shop: Catalogue) -> None:
        brought = bring_photo(shop, outfit())
        decide_tag(brought, None, "red", "confirm")
        withdraw_pictures("shop", [brought.tags.get().item.key])  # type: ignore[union-attr]
        assert Picture.objects.get(pk=brought.picture_id).withdrawn_at is not None
        with pytest.raises(Exception, match="withdrawn"):
            bring_photo(shop, outfit())


def test_tagged_photos_are_no_answers_where_nobody_asked_for_their_domain(
    service: ServiceHere, index: SearchIndex, brought: TaggedPhoto
) -> None:
    decide_tag(brought, RED, "red", "confirm")
    service.served.look_at_rows()
    answers = APIClient().post("/api/v1/search/shop/item/", {"key": "red-dress", "k": 50}, format="json").json()
    assert {one["key"] for one in answers["answers"]} & set(
        Item.objects.filter(domain="street").values_list("key")
    ) == set()
    assert len(answers["answers"]) == 11
    assert len(service.served._served["shop"].snapshot) == 12
    SearchIndex.objects.update(gallery_domain="street")
    from evalapp.search.queries.gallery import gallery_items

    index.refresh_from_db()
    assert gallery_items(index).count() == 1


def test_training_across_domains_learns_from_what_was_confirmed(brought: TaggedPhoto) -> None:
    """Photos tagged with two products make the pairs of street and shop that `by=domains` asks for."""
    other = bring_photo(brought.catalogue, photo(HUES["green"], size=(50, 50)))
    decide_tag(brought, RED, "red", "confirm")
    decide_tag(brought, BLUE, "blue", "confirm")
    decide_tag(other, None, "green", "reject")
    colours = EmbeddingModel.objects.get()
    run = begin_run(
        name="learnt",
        recipe="triplet",
        data=f"catalogue:{brought.catalogue_id}",
        parent=colours,
        parent_tap=colours.spec["taps"][0]["name"],
        settings={"by": "domains"},
    )
    for piece in label_data.cut_pieces(run):
        label_data.embed_piece(run, piece.arguments)
    data = label_data.data_of(run)
    street = [row for row, domain in enumerate(data.domains) if domain == "street"]
    assert sorted(str(data.products[row]) for row in street) == ["blue", "red"]
    check_groups(data, TripletConfig(by="domains"))
    decide_tag(brought, BLUE, "blue", "undo")
    with pytest.raises(Exception, match="street"):
        check_groups(label_data.data_of(run), TripletConfig(by="domains"))


class TestDoors:
    HOME = "/api/v1/catalogues/shop/photos/"

    def bring(self, operator: APIClient, **words: Any) -> Any:
        form = words or {"photo": SimpleUploadedFile("me.jpg", outfit(), "image/jpeg")}
        return operator.post(self.HOME, form, format="multipart")

    def test_a_program_brings_a_photo_asks_and_decides(
        self, service: ServiceHere, shop: Catalogue, operator: APIClient
    ) -> None:
        made = self.bring(operator)
        assert made.status_code == 201, made.content
        home = f"{self.HOME}{made.json()['id']}/"
        asked = operator.get(home, {"box": "48,0,96,64"}).json()
        assert (asked["index"], asked["box"], asked["proposals"][0]["product"]) == ("shop", [48, 0, 96, 64], "blue")
        assert len({one["product"] for one in asked["proposals"]}) == len(asked["proposals"])
        words = {"box": "48,0,96,64", "product": "blue", "decision": "confirm", "index": "shop", "rank": 1}
        tag = operator.post(f"{home}tags/", words, format="json").json()["tag"]
        assert (tag["decision"], tag["rank"], tag["index"], tag["decided_by"]) == ("confirmed", 1, "shop", "olga")
        asked = operator.get(home, {"box": "48,0,96,64"}).json()
        assert asked["proposals"][0]["decision"] == "confirmed"
        operator.post(f"{home}tags/", {"product": "pink", "decision": "reject"}, format="json")
        page = operator.get("/api/v1/catalogues/shop/tags/", {"limit": 1}).json()
        assert (len(page["tags"]), page["after"]) == (1, page["after"])
        rest = operator.get("/api/v1/catalogues/shop/tags/", {"after": page["after"]}).json()
        assert ([one["decision"] for one in rest["tags"]], rest["after"]) == (["rejected"], None)
        assert operator.get(self.HOME).json()[0]["name"] == made.json()["name"]
        assert operator.delete(home).status_code == 204
        assert operator.get(self.HOME).json() == []

    @pytest.mark.parametrize(
        "words", [{"item": "nowhere"}, {"photo": SimpleUploadedFile("x.jpg", b"no picture"), "item": "red-dress"}]
    )
    def test_words_that_are_off_are_told(self, shop: Catalogue, operator: APIClient, words: dict[str, Any]) -> None:
        assert self.bring(operator, **words).status_code in (400, 404)
        assert self.bring(operator, photo=SimpleUploadedFile("x.jpg", b"no picture")).json()["error"]["code"] == (
            "not_a_picture"
        )

    def test_strangers_may_not(self, shop: Catalogue, brought: TaggedPhoto) -> None:
        for path in (self.HOME, f"{self.HOME}{brought.pk}/", "/api/v1/catalogues/shop/tags/"):
            assert APIClient().get(path).status_code in (401, 403)
        assert Client().get("/lab/tags/").status_code == 302

    def test_while_the_service_is_down_products_can_still_be_named(
        self, service: ServiceHere, brought: TaggedPhoto, operator: APIClient
    ) -> None:
        service.is_up = False
        assert operator.get(f"{self.HOME}{brought.pk}/").status_code == 503
        words = {"product": "red", "decision": "confirm"}
        assert operator.post(f"{self.HOME}{brought.pk}/tags/", words, format="json").status_code == 200

    def test_the_pages_do_the_same(self, service: ServiceHere, shop: Catalogue) -> None:
        browser = Client()
        browser.force_login(User.objects.create_user("omar", is_staff=True))
        assert "shop" in browser.get("/lab/tags/").content.decode()
        went = browser.post("/lab/tags/shop/new/", {"photo": SimpleUploadedFile("a.jpg", outfit(), "image/jpeg")})
        home = went["Location"]
        page = browser.get(home, {"box": "0,0,48,64"}).content.decode()
        assert "Confirm red" in page
        said = {"box": "0,0,48,64", "index": "shop", "decision": "confirm:red", "rank:red": "1"}
        after = browser.post(f"{home}decide/", said)
        assert after["Location"].endswith("?box=0%2C0%2C48%2C64&index=shop")
        tag = PhotoTag.objects.get()
        assert (tag.product, tag.decision, tag.rank, tag.decided_by) == ("red", "confirmed", 1, "omar")
        assert "Take red back" in browser.get(after["Location"]).content.decode()
        typed = {"box": "48,0,96,64", "decision": "confirm", "product": "blue"}
        browser.post(f"{home}decide/", typed)
        assert PhotoTag.objects.count() == 2
        browser.post(f"{home}decide/", {"box": "1", "decision": "confirm:red"})
        assert PhotoTag.objects.count() == 2
        service.is_up = False
        assert browser.get(home).status_code == 200
        assert browser.post(f"{home}decide/", {"forget": ""})["Location"] == "/lab/tags/shop/"
        assert TaggedPhoto.objects.count() == 0
        assert "no item" in browser.post("/lab/tags/shop/new/", {"item": "x"}, follow=True).content.decode()
        assert browser.get("/lab/tags/nowhere/").status_code == 404

    def test_a_form_without_a_token_is_refused(self, shop: Catalogue) -> None:
        browser = Client(enforce_csrf_checks=True)
        browser.force_login(User.objects.create_user("omar", is_staff=True))
        assert browser.post("/lab/tags/shop/new/", {"item": "red-dress"}).status_code == 403
        assert browser.post("/lab/search/shop/compare/", {}).status_code == 403

    def test_a_photo_beyond_the_limit_is_refused_before_it_is_read(self, shop: Catalogue, settings: Any) -> None:
        settings.SEARCH_PHOTO_MB = 0
        browser = Client()
        browser.force_login(User.objects.create_user("omar", is_staff=True))
        for page in ("/lab/tags/shop/new/", "/lab/search/shop/compare/"):
            sent = {"photo": SimpleUploadedFile("a.jpg", b"\xff" * 200_000, "image/jpeg")}
            assert browser.post(page, sent).status_code == 413

    def test_the_commands_propose_decide_and_export(
        self, service: ServiceHere, shop: Catalogue, tmp_path: Path
    ) -> None:
        (tmp_path / "me.jpg").write_bytes(outfit())
        words = ("shop", str(tmp_path / "me.jpg"))
        out = io.StringIO()
        call_command("tag_photo", *words, box="0,0,48,64", json=True, stdout=out)
        assert json.loads(out.getvalue())["proposals"][0]["product"] == "red"
        call_command("tag_photo", *words, box="0,0,48,64", confirm="red", stdout=io.StringIO())
        call_command("tag_photo", *words, reject="pink", stdout=io.StringIO())
        call_command("export_tags", "shop", output=str(tmp_path / "tags.csv"), stdout=io.StringIO())
        with (tmp_path / "tags.csv").open(encoding="utf-8", newline="") as lines:
            rows = list(csv.DictReader(lines))
        assert [(row["product"], row["decision"], row["x2"]) for row in rows] == [
            ("red", "confirmed", "48"), ("pink", "rejected", "96"),
        ]  # fmt: skip
        call_command("export_tags", "shop", output=str(tmp_path / "t.jsonl"), format="jsonl", stdout=io.StringIO())
        lines = (tmp_path / "t.jsonl").read_text(encoding="utf-8").splitlines()
        assert [json.loads(line)["product"] for line in lines] == ["red", "pink"]
        with pytest.raises(CommandError, match="cannot be read"):
            call_command("tag_photo", "shop", str(tmp_path / "none.jpg"))


def test_encoders_are_compared_by_a_photo_that_is_not_kept(service: ServiceHere, index: SearchIndex) -> None:
    browser = Client()
    browser.force_login(User.objects.create_user("omar", is_staff=True))
    files = Picture.objects.count()
    sent = {"photo": SimpleUploadedFile("a.jpg", photo(HUES["green"]), "image/jpeg")}
    page = browser.post("/lab/search/shop/compare/", sent).content.decode()
    assert 'alt="Your photo"' in page
    assert "data:image/jpeg;base64," in page
    assert "1: dress green-dress" in page or "1: shirt green-shirt" in page
    assert "attributes only" in page
    assert Picture.objects.count() == files
    nothing = browser.post("/lab/search/shop/compare/", {"photo": SimpleUploadedFile("a.jpg", b"no picture")})
    assert "not a picture" in nothing.content.decode()
    assert "Choose a photo first" in browser.post("/lab/search/shop/compare/", {}).content.decode()


def test_the_front_page_leads_to_searches_that_are_public_and_answer(index: SearchIndex) -> None:
    assert "/search/shop/" in Client().get("/").content.decode()
    SearchIndex.objects.update(is_public=False)
    assert "/search/shop/" not in Client().get("/").content.decode()
