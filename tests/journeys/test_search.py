"""Photo in, items out, with real photographs, a real network and the real processes of one machine."""

from __future__ import annotations

import csv
import http.client
import io
import json
import shutil
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, expect

from tests.journeys.installation import Installation

pytestmark = [pytest.mark.journey, pytest.mark.browser]

SEARCHED, LATER = 300, 5


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return Installation(tmp_path_factory.mktemp("search") / "var")


def _shop(folder: Path, clothing: Path) -> list[dict[str, str]]:
    """Some photographs of every category in a folder of their own: most to be searched, a few to come later."""
    with (clothing / "items.csv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    rows = rows[:: len(rows) // (SEARCHED + LATER)][: SEARCHED + LATER]
    for row in rows:
        target = folder / row["image"]
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(clothing / row["image"], target)
    for name, part in (("items.csv", rows[:SEARCHED]), ("later.csv", rows[SEARCHED:])):
        with (folder / name).open("w", encoding="utf-8", newline="") as lines:
            writer = csv.DictWriter(lines, ["image", "category", "kids"], extrasaction="ignore")
            writer.writeheader()
            writer.writerows(part)
    return rows


def _as_a_phone_sees_it(file: Path) -> bytes:
    """The photograph taken again: a little closer, saved anew."""
    image = Image.open(file).convert("RGB")
    across, down = image.width // 20, image.height // 20
    image = image.crop((across, down, image.width - across, image.height - down))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=80)
    return out.getvalue()


class Shopper:
    """Somebody who searches over HTTP."""

    def __init__(self, address: str, token: str = "") -> None:
        self.host = address.removeprefix("http://")
        self.token = token

    def ask(self, method: str, path: str, body: bytes = b"", kind: str = "application/json") -> tuple[int, Any]:
        connection = http.client.HTTPConnection(self.host, timeout=30)
        headers = {"Content-Type": kind, **({"Authorization": f"Token {self.token}"} if self.token else {})}
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        text = answer.read()
        assert "json" in answer.headers["Content-Type"], f"{method} {path}: {answer.status}\n{text[:2000].decode()}"
        return answer.status, json.loads(text) if text else None

    def photo(self, data: bytes, **words: str) -> dict[str, Any]:
        status, answer = self.ask("POST", "/api/v1/search/clothes/photo/", *_form(data, words))
        assert status == 200, answer
        found: dict[str, Any] = answer
        return found


def _form(data: bytes, words: dict[str, str]) -> tuple[bytes, str]:
    mark = uuid.uuid4().hex
    parts = [
        f'--{mark}\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n'.encode() for k, v in words.items()
    ]
    head = f'--{mark}\r\nContent-Disposition: form-data; name="photo"; filename="x.jpg"\r\n\r\n'.encode()
    return b"".join([*parts, head, data, f"\r\n--{mark}--\r\n".encode()]), f"multipart/form-data; boundary={mark}"


def test_from_photographs_to_answers(
    installation: Installation, shared: Callable[[str], Path], chromium: Browser, tmp_path: Path
) -> None:
    clothing, models = shared("data/clothing"), shared("models")
    rows = _shop(tmp_path, clothing)
    installation.run("migrate", "--verbosity", "0")
    installation.json("import_catalogue", "clothing", str(tmp_path / "items.csv"), "--map", "path=image")
    installation.run(
        "register_model", f"onnx:{models / 'mobilenet_v2_100_224'}.onnx", "--name", "mv2", "--tap", "embedding",
        "--resize", "squash", "--interpolation", "bilinear", "--mean", "0.5", "--std", "0.5",
    )  # fmt: skip
    installation.run("create_index", "clothes", "--catalogue", "clothing", "--encoder", "mv2", "--public")
    built = installation.json("build_index", "clothes", "--wait")
    assert (built["generation"], built["rows"]) == (1, SEARCHED)

    with installation.serving() as address:
        shopper = Shopper(address, _operator(installation))
        _wait_until(lambda: shopper.photo(_as_a_phone_sees_it(tmp_path / rows[0]["image"]))["by"] == "vectors")
        _photographs_find_themselves(shopper, tmp_path, rows[:SEARCHED:15])
        _what_comes_is_found_and_what_goes_is_not(installation, shopper, tmp_path, rows[SEARCHED])
        _the_command_finds_the_same(installation, shopper, tmp_path / rows[1]["image"])
        _a_phone_finds_it_in_a_box(chromium, address, tmp_path, rows[0], rows[SEARCHED // 2])


def _operator(installation: Installation) -> str:
    installation.environment["DJANGO_SUPERUSER_PASSWORD"] = "a long secret"
    installation.run("createsuperuser", "--noinput", "--username", "olga", "--email", "olga@example.org")
    return installation.run("drf_create_token", "olga").stdout.split()[2]


def _photographs_find_themselves(shopper: Shopper, folder: Path, rows: list[dict[str, str]]) -> None:
    first = 0
    for row in rows:
        answer = shopper.photo(_as_a_phone_sees_it(folder / row["image"]), k="5")
        assert len(answer["answers"]) == 5
        first += answer["answers"][0]["key"] == row["image"]
    assert first >= 0.95 * len(rows)


def _what_comes_is_found_and_what_goes_is_not(
    installation: Installation, shopper: Shopper, folder: Path, row: dict[str, str]
) -> None:
    photo = _as_a_phone_sees_it(folder / row["image"])
    assert shopper.photo(photo)["answers"][0]["key"] != row["image"]
    installation.json("import_catalogue", "clothing", str(folder / "later.csv"), "--map", "path=image")
    _wait_until(lambda: shopper.photo(photo)["answers"][0]["key"] == row["image"])
    assert shopper.photo(photo)["generation"] == 1
    gone = json.dumps({"keys": [row["image"]]}).encode()
    assert shopper.ask("DELETE", "/api/v1/catalogues/clothing/items/", gone)[0] == 200
    assert row["image"] not in [one["key"] for one in shopper.photo(photo, k="200")["answers"]]


def _the_command_finds_the_same(installation: Installation, shopper: Shopper, file: Path) -> None:
    told = installation.json("search", "clothes", str(file), "-k", "5")
    answers = shopper.photo(file.read_bytes(), k="5")["answers"]
    assert [one["key"] for one in told["answers"]] == [one["key"] for one in answers]


def _a_phone_finds_it_in_a_box(
    chromium: Browser, address: str, folder: Path, row: dict[str, str], other: dict[str, str]
) -> None:
    """One photograph beside another: the box that is dragged over it says which of the two is meant."""
    both = Image.new("RGB", (800, 500))
    for place, one in enumerate((other, row)):
        both.paste(Image.open(folder / one["image"]).convert("RGB").resize((400, 500)), (400 * place, 0))
    out = io.BytesIO()
    both.save(out, "JPEG", quality=90)
    page = chromium.new_page(viewport={"width": 390, "height": 844}, has_touch=True)
    page.goto(f"{address}/search/clothes/", timeout=60_000)
    page.wait_for_selector("[data-ready]")
    photo = {"name": "x.jpg", "mimeType": "image/jpeg", "buffer": out.getvalue()}
    page.locator("input[type=file]").nth(1).set_input_files(photo)  # type: ignore[arg-type]
    expect(page.locator(".answer").first).to_be_visible(timeout=30_000)
    frame = page.locator("[data-photo]").bounding_box()
    assert frame is not None
    page.mouse.move(frame["x"] + frame["width"] * 0.65, frame["y"] + frame["height"] * 0.25)
    page.mouse.down()
    page.mouse.move(frame["x"] + frame["width"] * 0.99, frame["y"] + frame["height"] * 0.99, steps=5)
    page.mouse.up()
    # Its upper left corner, drawn out by keys to that of the photograph.
    page.locator("[data-handle=nw]").focus()
    for key in ("ArrowLeft",) * 7 + ("ArrowUp",) * 13:
        page.keyboard.press(key)
    expect(page.locator(f'.answer[data-key="{row["image"]}"]')).to_be_visible(timeout=30_000)
    page.close()


def _wait_until(holds: Callable[[], bool], seconds: float = 60.0) -> float:
    """How long it took; no test asserts that it took little, only that it comes at all."""
    begun = time.monotonic()
    while not holds():
        assert time.monotonic() - begun < seconds, "it did not come"
        time.sleep(0.2)
    return time.monotonic() - begun
