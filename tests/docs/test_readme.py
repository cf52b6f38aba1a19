"""Documentation fails when it lies."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from django.core.management import get_commands, load_command_class

from evalapp.config.env import KNOWN
from tests.conftest import REPOSITORY

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
PAGES = [REPOSITORY / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")] + sorted(
    (REPOSITORY / "docs").glob("*.md")
)


def _commands(page: Path) -> list[str]:
    text = page.read_text(encoding="utf-8")
    found = re.findall(r"python manage\.py ([^\n`]+)", text)
    return [command.split("#")[0].strip() for command in found]


def test_every_setting_is_in_the_table_and_every_line_of_the_table_is_a_setting() -> None:
    described = set(re.findall(r"^\| `([A-Z_]+)` \|", README, flags=re.MULTILINE))
    read = {name for name in KNOWN if name.isupper() and not name.endswith("_FILE") and name != "DON_T"}
    assert described == read


def test_settings_that_may_come_from_a_file_say_so() -> None:
    for name in (name for name in KNOWN if name.endswith("_FILE") and not name.startswith("DON_T")):
        assert f"`{name}`" in README, name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_on_the_page_exists_and_understands_its_words(page: Path) -> None:
    for command in _commands(page):
        name, *words = shlex.split(command)
        assert name in get_commands(), command
        load_command_class(get_commands()[name], name).create_parser("manage.py", name).parse_args(words)


def test_the_readme_shows_commands_at_all() -> None:
    assert len(_commands(REPOSITORY / "README.md")) >= 8


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_to_a_file_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target


def test_the_map_in_contributing_names_every_app() -> None:
    text = (REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8")
    for folder in sorted((REPOSITORY / "evalapp").iterdir()):
        if (folder / "__init__.py").exists():
            assert f"evalapp.{folder.name} " in text, folder.name


def test_make_has_every_verb_the_pages_name() -> None:
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    for page in PAGES:
        for verb in re.findall(r"`?make ([a-z]+)", page.read_text(encoding="utf-8")):
            if verb in {"demo", "test", "bench", "help"}:
                assert re.search(rf"^{verb}:", makefile, flags=re.MULTILINE), verb
