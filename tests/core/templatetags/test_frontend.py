"""The import map, and numbers in the form people read."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.core.management import call_command
from django.template import Context, Template, defaultfilters
from django.template.backends.django import get_installed_libraries
from django.template.library import import_library

from evalapp.core.templatetags import frontend
from tests.conftest import REPOSITORY

SCRIPTS = REPOSITORY / "frontend" / "static" / "js"
IMPORTED = re.compile(r'from "([^"]+)"')


def page_script() -> str:
    return Template('{% load frontend %}{% page_script "play" %}').render(Context({"CSP_NONCE": "abc"}))


def addresses() -> dict[str, str]:
    found = re.search(r'<script type="importmap" nonce="abc">(.*?)</script>', page_script())
    assert found
    imports: dict[str, str] = json.loads(found[1])["imports"]
    return imports


def preloaded() -> list[str]:
    return re.findall(r'<link rel="modulepreload" href="([^"]+)">', page_script())


def test_the_map_knows_the_page_and_whatever_it_imports() -> None:
    known = addresses()
    assert "pages/play" in known
    for name in known:
        imported = IMPORTED.findall((SCRIPTS / f"{name}.js").read_text(encoding="utf-8"))
        assert [one for one in imported if one not in known] == [], name


def test_every_import_of_the_front_end_leads_somewhere() -> None:
    there = {path.relative_to(SCRIPTS).with_suffix("").as_posix() for path in SCRIPTS.rglob("*.js")}
    for path in SCRIPTS.rglob("*.js"):
        assert set(IMPORTED.findall(path.read_text(encoding="utf-8"))) <= there, path.name


def test_what_a_page_imports_is_preloaded_once_and_nothing_else() -> None:
    waiting, needed = ["pages/play"], set()
    while waiting:
        text = (SCRIPTS / f"{waiting.pop()}.js").read_text(encoding="utf-8")
        # Imports in comments are types for the reader.
        fresh = set(IMPORTED.findall(re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL))) - needed
        needed |= fresh
        waiting += fresh
    assert sorted(preloaded()) == sorted(addresses()[name] for name in needed)


@pytest.fixture
def collected(settings: LazySettings, tmp_path: Path) -> Path:
    """Static files under hashed names, as they are served."""
    settings.STATIC_ROOT = tmp_path / "static"
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "evalapp.core.services.static_files.HashedFiles"},
    }
    call_command("collectstatic", interactive=False, verbosity=0)
    return tmp_path / "static"


def test_what_is_collected_is_one_script_under_a_hashed_name(collected: Path) -> None:
    assert "importmap" not in page_script()
    (address,) = re.findall(r'<script type="module" nonce="abc" src="([^"]+)"', page_script())
    assert re.fullmatch(r"/static/js/.*play\.[0-9a-f]{12}\.js", address)
    assert (collected / address.removeprefix("/static/")).is_file()


@pytest.mark.parametrize(
    ("share", "words"),
    [(0.654, "65%"), (0.0, "0%"), (1.0, "100%"), (4749 / 4760, ">99%"), (1 / 4760, "<1%"), (None, "—")],
    ids=["part", "none", "all", "almost all", "hardly any", "missing"],
)
def test_shares_are_percentages(share: float | None, words: str) -> None:
    assert frontend.percent(share) == words


def test_lengths_stay_inside_the_drawing() -> None:
    lengths = [frontend.drawn_length(share) for share in (-0.1, 0.25, 1.7, None)]
    assert lengths == ["0.00%", "25.00%", "100.00%", "0.00%"]


def test_big_numbers_are_grouped() -> None:
    assert frontend.grouped(1234567) == "1,234,567"


@pytest.mark.parametrize("name", ["vgg16.imagenet.fc7:cosine", "control", "a<b:l1", "", "..:"])
def test_a_name_broken_into_lines_is_the_same_name(name: str) -> None:
    text = str(frontend.breakable(name)).replace("<wbr>", "")
    assert text == name.replace("<", "&lt;")


def test_a_name_may_break_after_dots_and_colons_only() -> None:
    assert frontend.breakable("vgg16.fc7:cosine") == "vgg16.<wbr>fc7:<wbr>cosine"


def test_the_control_is_found_among_the_standings() -> None:
    lines = [{"contender": "a", "control": False}, {"contender": "control", "control": True}]
    assert frontend.control_of(lines) == lines[1]
    assert frontend.control_of(lines[:1]) is None


OWN = {name: path for name, path in get_installed_libraries().items() if path.startswith("evalapp.")}


@pytest.mark.parametrize("path", OWN.values(), ids=OWN)
def test_no_filter_takes_the_name_of_one_of_djangos(path: str) -> None:
    # Where it is loaded, `{% if rows|length > 1 %}` would ask ours, and be silently false.
    assert not import_library(path).filters.keys() & defaultfilters.register.filters.keys()
