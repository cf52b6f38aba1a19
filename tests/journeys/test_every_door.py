"""From an empty installation to the second round: in a browser alone, and over HTTP alone."""

from __future__ import annotations

import io
import json
import re
import time
import urllib.error
import urllib.request
import zipfile
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.journeys.installation import Installation
from tests.models_registry.encoders.onnx_files import write_network
from tests.studies.conftest import draw_cards

pytestmark = pytest.mark.journey

PASSWORD = "carry the torch on"
PATIENCE = 180_000
"""Milliseconds for a worker's work; a busy machine must not turn the test red."""


@pytest.fixture
def parcel(tmp_path: Path) -> tuple[Path, Path]:
    """Pictures as a zip, and a network."""
    (tmp_path / "cards").mkdir()
    draw_cards(tmp_path / "cards")
    with zipfile.ZipFile(tmp_path / "Cards.zip", "w") as archive:
        for file in sorted((tmp_path / "cards").iterdir()):
            archive.write(file, f"cards/{file.name}")
    write_network(tmp_path / "mine.onnx", shape=("batch", 3, 16, 16))
    return tmp_path / "Cards.zip", tmp_path / "mine.onnx"


def installed(tmp_path: Path) -> Installation:
    """Nothing but an operator."""
    found = Installation(tmp_path / "var", {"OPERATOR_PASSWORD": PASSWORD})
    found.run("migrate", "--verbosity", "0")
    return found


def press(page: Page, name: str) -> None:
    """The button or link of this name."""
    page.get_by_role("button", name=name, exact=True).or_(page.get_by_role("link", name=name, exact=True)).first.click()


def test_a_browser_alone_comes_to_the_second_round(
    tmp_path: Path, parcel: tuple[Path, Path], chromium: Browser
) -> None:
    installation = installed(tmp_path)
    installation.run("create_operator", "olga")
    with installation.serving() as address:
        desk = chromium.new_context(viewport={"width": 1440, "height": 900}, accept_downloads=True)
        page = desk.new_page()
        page.set_default_timeout(PATIENCE)
        expect.set_options(timeout=PATIENCE)
        page.goto(address + "/lab/")
        sign_in(page)
        bring_pictures(page, parcel[0])
        bring_network(page, parcel[1])
        slug = make_study(page)
        ten_swipes(chromium, f"{address}/play/{slug}/")
        look_at_board_and_export(page, address, slug)
        second_round(page, slug)
        page.goto(address + "/")
        assert page.get_by_text("Which card · round 2").first.is_visible()
        assert page.locator(f'a[href="/play/{slug}/"]').count() == 0
        desk.close()


def sign_in(page: Page) -> None:
    page.get_by_label("Username").fill("olga")
    page.get_by_label("Password").fill(PASSWORD)
    press(page, "Sign in")
    page.wait_for_url("**/lab/")


def bring_pictures(page: Page, archive: Path) -> None:
    """What happens is seen without a reload."""
    page.get_by_role("navigation", name="Lab").get_by_role("link", name="Catalogues").click()
    press(page, "New catalogue")
    page.get_by_label("What people call the catalogue").fill("Cards")
    page.get_by_label("Pictures", exact=True).set_input_files(archive)
    press(page, "Bring the pictures")
    expect(page.get_by_text("Make a study of them")).to_be_visible()
    expect(page.get_by_text("24", exact=True).first).to_be_visible()


def bring_network(page: Page, file: Path) -> None:
    page.get_by_role("navigation", name="Lab").get_by_role("link", name="Models").click()
    press(page, "Bring a network")
    page.get_by_label("What studies call it").fill("mine")
    page.get_by_label("The network, or ready vectors").set_input_files(file)
    press(page, "Register it")
    expect(page.get_by_text("What it makes of five pictures")).to_be_visible()
    assert page.locator(".tried__pair").count() >= 5
    press(page, "Let it compete")


def make_study(page: Page) -> str:
    page.get_by_label("Title").fill("Which card")
    for contender in ("mine.embedding:cosine", "mine.logits:l2"):
        page.get_by_label(contender).check()
    press(page, "Draft the study")
    page.wait_for_url("**/lab/studies/which-card/")
    press(page, "Compute")
    page.get_by_role("button", name="Open …").click()
    page.get_by_role("dialog").get_by_role("button", name="Open", exact=True).click()
    expect(page.get_by_role("link", name="Play", exact=True)).to_be_visible()
    return "which-card"


def ten_swipes(chromium: Browser, address: str) -> None:
    phone = chromium.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = phone.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(address)
    dialog = page.locator("dialog[open]")
    if dialog.count():
        page.keyboard.press("Escape")
    for number in range(10):
        page.locator(f"[data-action={'dope' if number % 2 else 'nope'}]:enabled").click()
        page.wait_for_timeout(600)
    page.wait_for_timeout(2000)
    phone.close()


def look_at_board_and_export(page: Page, address: str, slug: str) -> None:
    page.get_by_role("navigation", name="Lab").get_by_role("link", name="Studies").click()
    page.get_by_role("link", name="Which card", exact=True).first.click()
    page.get_by_role("link", name="Leaderboard").first.click()
    page.wait_for_url(f"**/leaderboard/{slug}/")
    page.get_by_role("link", name="Lab").first.click()
    page.get_by_role("navigation", name="Lab").get_by_role("link", name="Exports").click()
    page.get_by_label("Format").select_option("csv")
    press(page, "Export")
    with page.expect_download() as waiting:
        page.get_by_role("link", name=re.compile("^Download")).click()
    with zipfile.ZipFile(waiting.value.path()) as archive:
        votes = next(name for name in archive.namelist() if name.endswith("votes.csv"))
        assert len(archive.read(votes).decode().splitlines()) == 11


def second_round(page: Page, slug: str) -> None:
    """A crowd that is made up gives the loop enough to learn from; the round is opened on purpose."""
    page.get_by_role("navigation", name="Lab").get_by_role("link", name="Studies").click()
    page.get_by_role("link", name="Which card", exact=True).first.click()
    page.get_by_text("Try it with made-up votes").click()
    press(page, "Cast them")
    expect(page.get_by_text("made-up votes are cast")).to_be_visible()
    page.get_by_role("link", name="Learn from its votes").click()
    page.get_by_label("Name of the encoder").fill("learnt")
    page.get_by_label("Recipe").select_option("adapter")
    press(page, "Learn")
    page.get_by_role("link", name="learnt", exact=True).click()
    page.get_by_role("link", name="Look at the next round, and open it").click()
    page.get_by_role("button", name="Open …").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("It is closed now")).to_be_visible()
    dialog.get_by_role("button", name="Open", exact=True).click()
    expect(page.get_by_role("link", name="Play", exact=True)).to_be_visible()


class Program:
    """Speaks HTTP with a token, and nothing else."""

    def __init__(self, address: str, token: str) -> None:
        self._address, self._token = address + "/api/v1/", token

    def ask(self, method: str, path: str, body: Any = None, files: dict[str, Path] | None = None) -> Any:
        """The JSON document of the answer; fails with what the server says."""
        data, kind = json.dumps(body or {}).encode(), "application/json"
        if files:
            data, kind = _form(body or {}, files)
        request = urllib.request.Request(self._address + path, data if method != "GET" else None, method=method)
        request.add_header("Authorization", f"Token {self._token}")
        request.add_header("Content-Type", kind)
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.code} {error.read()[:1000]!r}") from error

    def until(self, path: str, done: Any) -> Any:
        """Ask again until it is so."""
        deadline = time.monotonic() + PATIENCE / 1000
        while time.monotonic() < deadline:
            found = self.ask("GET", path)
            if done(found):
                return found
            time.sleep(0.5)
        raise AssertionError(f"{path} never came so far: {found}")


def _form(fields: dict[str, str], files: dict[str, Path]) -> tuple[bytes, str]:
    out, line = io.BytesIO(), "----a-line-that-nothing-holds"
    for name, value in fields.items():
        out.write(f'--{line}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode())
    for name, path in files.items():
        head = f'Content-Disposition: form-data; name="{name}"; filename="{path.name}"'
        out.write(f"--{line}\r\n{head}\r\nContent-Type: application/octet-stream\r\n\r\n".encode())
        out.write(path.read_bytes() + b"\r\n")
    out.write(f"--{line}--\r\n".encode())
    return out.getvalue(), f"multipart/form-data; boundary={line}"


def _is_done(found: Any) -> bool:
    job = found.get("job", found)
    assert job["state"] not in {"failed", "cancelled"}, job
    return str(job["state"]).startswith("done")


def test_a_program_with_a_token_comes_to_the_second_round(tmp_path: Path, parcel: tuple[Path, Path]) -> None:
    installation = installed(tmp_path)
    token = installation.json("create_operator", "olga", "--token")["token"]
    with installation.serving() as address:
        program = Program(address, token)
        begun = program.ask(
            "POST", "starts/", {"question": "Alike?", "title": "Cards"}, {"file": parcel[0], "network": parcel[1]}
        )
        start = program.until(f"starts/{begun['id']}/", _is_done)
        slug = start["study"]
        program.ask("POST", f"studies/{slug}/open/")
        assert program.ask("POST", f"studies/{slug}/simulated-votes/", {"votes": 200, "voters": 10})["votes"] > 50
        assert len(program.ask("GET", f"studies/{slug}/leaderboard/")["standings"]) == 2
        export = program.ask("POST", "exports/", {"study": slug, "format": "csv"})
        program.until(f"exports/{export['id']}/", lambda found: found["state"] == "done")
        run = program.ask("POST", "training-runs/", {"study": slug, "recipe": "adapter", "name": "learnt"})
        program.until(f"jobs/{run['job']}/", _is_done)
        following = f"{slug}-r2"
        program.until("studies/", lambda _: _exists(program, following))
        program.until(f"studies/{following}/details/", lambda found: found["state"] == "ready")
        program.ask("POST", f"studies/{following}/open/")
        assert program.ask("GET", f"studies/{slug}/details/")["state"] == "closed"
        assert [study["slug"] for study in program.ask("GET", "studies/")] == [following]


def _exists(program: Program, slug: str) -> bool:
    try:
        program.ask("GET", f"studies/{slug}/details/")
    except AssertionError:
        return False
    return True
