"""CONTRIBUTING.md tells the truth: its map is the contracts', its checklists name what is there."""

from __future__ import annotations

import re

import pytest

from evalapp.catalog.domain.importers import IMPORTERS
from models_registry.evaluate.corruptions import CORRUPTIONS
from models_registry.metrics import METRICS
from models_registry.registry import FAMILIES
from models_registry.training.common.recipe_base import list_recipes
from tests.architecture import contributing_map
from tests.architecture.figures import REPOSITORY

TEXT = (REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8")
CHECKLISTS = ("metric", "encoder", "recipe", "setting", "export column", "text", "attack")
REGISTRIES = {"METRICS": METRICS, "FAMILIES": FAMILIES, "IMPORTERS": IMPORTERS, "CORRUPTIONS": CORRUPTIONS}


def test_the_map_is_the_contracts() -> None:
    assert f"```\n{contributing_map.ladder()}\n```" in TEXT
    assert f"```\n{contributing_map.anatomy()}\n```" in TEXT


def test_how_to_run_one_test_comes_first() -> None:
    assert TEXT.index("One test, one file, one folder") < TEXT.index("`make test`")


@pytest.mark.parametrize("thing", CHECKLISTS)
def test_every_checklist_is_there(thing: str) -> None:
    assert re.search(rf"^- \*\*An? {thing}\b", TEXT, flags=re.MULTILINE)


def test_every_path_is_there() -> None:
    paths = set(re.findall(r"`([\w./-]+(?:/|\.(?:py|js|md|sql|txt|po)))`", TEXT)) - {"django.po", "services/sql/"}
    named = {path for path in paths if "/" in path or (REPOSITORY / path).suffix == ".md"}
    assert len(named) > 20
    assert sorted(path for path in named if not (REPOSITORY / path).exists() and path not in _ADDRESSES) == []


def test_the_registries_that_checklists_name_are_filled() -> None:
    assert all(name in TEXT and entries for name, entries in REGISTRIES.items())
    assert {entry.learns_from for entry in list_recipes()} == {"labels", "votes"}


_ADDRESSES = {"architecture/", "browser/", "benchmarks/", "journeys/"}
