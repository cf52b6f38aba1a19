"""What a page needs in one file: the same modules and sheets, collected without a build step."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.core.management import call_command
from django.template import Context, Template

from evalapp.core.domain.script_modules import bundled_module, modules_by_name, without_comments
from evalapp.core.domain.style_sheets import SHEETS
from tests import system

PAGES = sorted(name for name in modules_by_name() if name.startswith("pages/"))


@pytest.mark.parametrize("page", PAGES)
def test_the_bundle_of_every_page_is_a_module_that_imports_nothing(page: str, tmp_path: Path) -> None:
    text = bundled_module(page)
    assert "import " not in [line[:7] for line in text.splitlines()]
    file = tmp_path / "bundle.mjs"
    file.write_text(text, encoding="utf-8")
    checked = subprocess.run([system.need("node"), "--check", file], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr


def test_comments_go_and_words_that_look_like_them_stay() -> None:
    text = '/** A. */\n// b\nconst a = 1; // c\n  /** @type {x} */ (y).z();\n/* d\n e */\nconst url = "http://x";\n'
    assert without_comments(text) == 'const a = 1; // c\n  /** @type {x} */ (y).z();\nconst url = "http://x";\n'


def test_collected_a_page_asks_for_one_script_and_one_sheet(settings: LazySettings, tmp_path: Path) -> None:
    settings.STATIC_ROOT = str(tmp_path)
    kind = {"BACKEND": "evalapp.core.services.static_files.HashedFiles"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": kind}
    call_command("collectstatic", interactive=False, verbosity=0)
    page = Template('{% load frontend %}{% page_styles "play" %}{% page_script "play" %}')
    text = page.render(Context({"CSP_NONCE": "n"}))
    assert text.count("<link") == text.count("<script") == 1
    assert "importmap" not in text
    sheet = next(tmp_path.glob("css/bundles/play.????????????.css")).read_text(encoding="utf-8")
    root = next(path for path in modules_by_name().values() if path.name == "play.js").parents[2] / "css"
    for name in SHEETS["play"]:
        assert without_comments((root / f"{name}.css").read_text(encoding="utf-8")).strip() in sheet
    assert next(tmp_path.glob("js/bundles/play.????????????.js.gz"))
