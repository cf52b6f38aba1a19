"""The search page: a photo, a box by pointer and by keys, filters, dope and nope; in every light, at 320 px."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from django.contrib.auth.models import User
from django.test import Client
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from evalapp.catalog import tasks
from evalapp.contenders.services.region_registration import register_region
from evalapp.search.models import LookupVerdict, PhotoTag, SearchIndex
from evalapp.search.services.search_indexes import choose_locator
from tests.browser.audit import faults_of, sideways
from tests.browser.axe import violations_of
from tests.models_registry.regions.toy_networks import detector
from tests.search.shop import HUES, ServiceHere, photo

pytestmark = [pytest.mark.browser, pytest.mark.database]

BLUE = re.compile("^blue")


@pytest.fixture(params=["light", "dark"])
def phone(
    chromium: Browser, live_server: LiveServer, service: ServiceHere, request: pytest.FixtureRequest
) -> Iterator[Page]:
    context: BrowserContext = chromium.new_context(
        viewport={"width": 320, "height": 640}, color_scheme=request.param, reduced_motion="reduce", has_touch=True,
        service_workers="block",
    )  # fmt: skip
    context.set_default_timeout(20_000)
    page = context.new_page()
    page.goto(f"{live_server.url}/search/shop/", timeout=60_000)
    page.wait_for_selector("[data-ready]")
    yield page
    context.close()


def two_things() -> bytes:
    """Something red on the left and something blue on the right."""
    both = Image.new("RGB", (128, 80))
    for number, name in enumerate(("red", "blue")):
        both.paste(Image.open(io.BytesIO(photo(HUES[name], size=(64, 80)))), (64 * number, 0))
    out = io.BytesIO()
    both.save(out, "PNG")
    return out.getvalue()


def choose(page: Page, data: bytes) -> None:
    file = {"name": "x.png", "mimeType": "image/png", "buffer": data}
    page.locator("input[type=file]").nth(1).set_input_files(file)  # type: ignore[arg-type]
    expect(page.locator(".answer").first).to_be_visible()


def test_a_photo_is_searched_boxed_judged_and_refined_on_a_small_phone(phone: Page) -> None:
    assert violations_of(phone) == []
    choose(phone, two_things())
    # Where the box is, is a style that the script has set.
    faults = [fault for fault in faults_of(phone) if not fault.startswith("inline style")]
    assert (faults, sideways(phone), violations_of(phone)) == ([], 0, [])

    # A box by a finger: over the right half, where it is blue.
    frame = phone.locator("[data-photo]").bounding_box()
    assert frame is not None
    phone.mouse.move(frame["x"] + frame["width"] * 0.65, frame["y"] + frame["height"] * 0.25)
    phone.mouse.down()
    phone.mouse.move(frame["x"] + frame["width"] * 0.95, frame["y"] + frame["height"] * 0.95, steps=4)
    phone.mouse.up()
    expect(phone.locator("[data-box-status]")).to_contain_text("left 65%, top 25%")
    expect(phone.locator(".answer").first).to_have_attribute("data-key", BLUE, timeout=30_000)

    # Each product once, and then not.
    expect(phone.locator(".answer")).to_have_count(6)
    phone.get_by_text("Filters").click()
    phone.get_by_label("Each product once").uncheck()
    expect(phone.locator(".answer")).to_have_count(12)
    phone.get_by_role("button", name="shirt 6").click()
    expect(phone.locator(".answer")).to_have_count(6)
    assert violations_of(phone) == []

    phone.get_by_role("button", name="Dope: Answer 1").click()
    expect(phone.locator("[data-live]")).to_have_text("Dope.")
    phone.get_by_role("button", name="More like what I liked").click()
    expect(phone.locator(".answer")).to_have_count(5)
    phone.locator("[data-more]").first.click()
    expect(phone.locator("[data-from]")).to_be_visible()
    assert (sideways(phone), violations_of(phone)) == (0, [])


def test_a_picture_that_is_not_drawn_yet_appears_by_itself(phone: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[list[int], list[int]]] = []
    monkeypatch.setattr(tasks.draw_renditions, "apply_async", lambda words, **_: told.append(words))
    tasks._asked.clear()
    choose(phone, two_things())
    expect(phone.locator(".answer img").first).to_have_js_property("naturalWidth", 0)
    # An empty place and no broken picture.
    expect(phone.locator(".answer img").first).to_have_css("opacity", "0")
    phone.wait_for_timeout(500)
    assert told
    for words in told:
        tasks.draw_renditions(*words)
    phone.wait_for_function("() => document.querySelector('.answer img').naturalWidth > 0")
    expect(phone.locator(".answer img").first).to_have_css("opacity", "1")


def test_everything_works_by_keys(phone: Page) -> None:
    choose(phone, two_things())
    phone.locator("[data-handle=w]").focus()
    for _ in range(5):
        phone.keyboard.press("Shift+ArrowRight")
    expect(phone.locator("[data-box-status]")).to_contain_text("left 50%, top 0%, width 50%")
    expect(phone.locator(".answer").first).to_have_attribute("data-key", BLUE, timeout=30_000)
    phone.locator("[data-verdict=dope]").first.focus()
    phone.keyboard.press("ArrowLeft")
    expect(phone.locator("[data-live]")).to_have_text("Nope.")
    phone.keyboard.press("z")
    expect(phone.locator("[data-live]")).to_have_text("Taken back.")
    expect(phone.locator("[data-verdict=nope][aria-pressed=true]")).to_have_count(0)
    phone.keyboard.press("ArrowRight")
    expect(phone.locator("[data-verdict=dope][aria-pressed=true]")).to_have_count(1)
    for _ in range(100):
        if list(LookupVerdict.objects.values_list("verdict", "rank")) == [("dope", 1)]:
            break
        phone.wait_for_timeout(100)
    assert list(LookupVerdict.objects.values_list("verdict", "rank")) == [("dope", 1)]


def test_what_is_no_picture_is_told_and_the_page_goes_on(phone: Page) -> None:
    file = {"name": "x.png", "mimeType": "image/png", "buffer": b"no picture"}
    phone.locator("input[type=file]").nth(1).set_input_files(file)  # type: ignore[arg-type]
    expect(phone.locator("[data-status]")).to_contain_text("cannot be read as a picture")
    choose(phone, two_things())


def test_while_the_service_is_down_attributes_answer_and_the_page_says_so(phone: Page, service: ServiceHere) -> None:
    service.is_up = False
    choose(phone, two_things())
    expect(phone.locator("[data-baseline]")).to_be_visible()
    assert SearchIndex.objects.count() == 1


def test_suggested_parts_are_a_tap_away_and_nothing_is_forced(
    phone: Page, service: ServiceHere, tmp_path: Path
) -> None:
    register_region("locator", source=f"onnx:{detector(tmp_path / 'd.onnx')}", name="things", options={})
    choose_locator(SearchIndex.objects.get(), "things")
    service.served.look_at_rows()
    choose(phone, two_things())
    parts = phone.get_by_role("group", name="What you may mean").get_by_role("button")
    expect(parts).to_have_text(["Part 1", "Part 2"])
    expect(phone.locator("[data-box-status]")).to_contain_text("The whole picture is searched with.")
    parts.first.focus()
    expect(phone.locator("[data-hint]")).to_be_visible()
    assert (sideways(phone), violations_of(phone)) == (0, [])
    parts.first.click()
    expect(phone.locator("[data-box-status]")).to_contain_text("left 25%, top 50%, width 75%")
    expect(phone.locator("[data-hint]")).to_be_hidden()
    phone.get_by_role("button", name="Whole picture").click()
    expect(parts).to_have_count(2)


@pytest.mark.parametrize("light", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(390, 844), (1440, 900)])
def test_handles_at_the_edges_of_the_photo_are_whole_and_wide_enough_for_a_finger(
    page: Page, live_server: LiveServer, service: ServiceHere, width: int, height: int, light: Literal["light", "dark"]
) -> None:
    page.set_viewport_size({"width": width, "height": height})
    page.emulate_media(color_scheme=light)
    page.goto(f"{live_server.url}/search/shop/", timeout=60_000)
    page.wait_for_selector("[data-ready]")
    choose(page, two_things())
    # From the upper left corner to the lower edge, and then to the right as well.
    for handle, away in (("e", -0.4), ("w", 0.3)):
        pull(page, handle, away)
        assert page.evaluate(HANDLES_CUT) == []
        assert (sideways(page), violations_of(page)) == (0, [])
        pull(page, handle, -1.2 * away)
    expect(page.locator("[data-box-status]")).to_contain_text("The whole picture is searched with.")


HANDLES_CUT = """() => [...document.querySelectorAll("[data-handle]")].flatMap((handle) => {
  const { left, top, width, height } = handle.getBoundingClientRect();
  const reach = [[0.05, 0.5], [0.95, 0.5], [0.5, 0.05], [0.5, 0.95], [0.5, 0.5]];
  const cut = reach.filter(([x, y]) => {
    const found = document.elementFromPoint(left + x * width, top + y * height);
    return !found?.closest("[data-handle]");
  });
  return width >= 44 && height >= 44 && !cut.length ? [] : [`${handle.dataset.handle} ${width} ${height} ${cut}`];
})"""
"""Handles that are no finger wide, or of whose reach a part belongs to something else."""


def pull(page: Page, handle: str, away: float) -> None:
    """Drag a handle by the outer part of it, past the edge of the photo, by a share of the photo's width."""
    frame, grip = (page.locator(one).bounding_box() for one in ("[data-photo]", f"[data-handle={handle}]"))
    assert frame is not None
    assert grip is not None
    x, y = grip["x"] + grip["width"] * (0.9 if handle == "e" else 0.1), grip["y"] + grip["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + away * frame["width"], y, steps=4)
    page.mouse.up()


@pytest.fixture
def operator(page: Page, live_server: LiveServer, service: ServiceHere) -> Page:
    """A tab in which Olga, an operator, is signed in."""
    client = Client()
    client.force_login(User.objects.create_superuser("olga", password="secret"))
    cookie = client.cookies["sessionid"].value
    page.context.add_cookies([{"name": "sessionid", "value": cookie, "url": live_server.url}])
    return page


def test_a_photo_is_tagged_box_by_box_and_by_keys(operator: Page, live_server: LiveServer) -> None:
    operator.goto(f"{live_server.url}/lab/tags/shop/", timeout=60_000)
    assert (sideways(operator), violations_of(operator)) == (0, [])
    file = {"name": "x.png", "mimeType": "image/png", "buffer": two_things()}
    operator.get_by_label("Photo", exact=True).set_input_files(file)  # type: ignore[arg-type]
    operator.get_by_role("button", name="Tag it").click()
    operator.wait_for_selector("[data-crop][data-ready]")
    faults = [fault for fault in faults_of(operator) if not fault.startswith("inline style")]
    assert (faults, sideways(operator), violations_of(operator)) == ([], 0, [])
    # A box over the right half, where it is blue.
    operator.locator("[data-handle=w]").focus()
    for _ in range(5):
        operator.keyboard.down("Shift")
        operator.keyboard.down("ArrowRight")
    operator.keyboard.up("ArrowRight")
    operator.keyboard.up("Shift")
    expect(operator.locator(".proposal").first).to_contain_text("blue", timeout=30_000)
    operator.wait_for_selector("[data-crop][data-ready]")
    operator.keyboard.press("1")
    expect(operator.locator(".proposal--confirmed")).to_contain_text("blue")
    tag = PhotoTag.objects.get()
    assert (tag.product, tag.rank, tag.decided_by) == ("blue", 1, "olga")
    assert tag.x1 == 64
    expect(operator.locator("[aria-labelledby=said] tbody tr")).to_have_count(1)
    operator.get_by_role("button", name="Take blue back").click()
    expect(operator.locator("[aria-labelledby=said]")).to_have_count(0)
    assert violations_of(operator) == []


def test_encoders_are_compared_by_a_photo(operator: Page, live_server: LiveServer) -> None:
    operator.goto(f"{live_server.url}/lab/search/shop/compare/", timeout=60_000)
    file = {"name": "x.jpg", "mimeType": "image/jpeg", "buffer": photo(HUES["green"])}
    operator.get_by_label("Photo", exact=True).set_input_files(file)  # type: ignore[arg-type]
    operator.get_by_role("button", name="Ask with it").click()
    expect(operator.get_by_alt_text("Your photo")).to_be_visible()
    expect(operator.locator(".compare__answer img").first).to_have_attribute("alt", re.compile("green"))
    assert (faults_of(operator), sideways(operator), violations_of(operator)) == ([], 0, [])
