"""Every word for visitors is there in every language, and what is compiled is what was written."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import polib
import pytest
from django.conf import settings
from django.template.loader import get_template
from django.templatetags.i18n import BlockTranslateNode, TranslateNode
from django.test import Client

from tests.conftest import REPOSITORY

LOCALES = REPOSITORY / "frontend" / "locale"
TEMPLATES = REPOSITORY / "frontend" / "templates"
LANGUAGES = [code for code, _ in settings.LANGUAGES if code != "en"]
CALLS = {"_", "gettext", "gettext_lazy", "ngettext", "pgettext"}
PLACES = re.compile(r"%\(\w+\)s|\{\w+\}|<[^>]+>")


def catalogue(language: str) -> polib.POFile:
    return polib.pofile(str(LOCALES / language / "LC_MESSAGES" / "django.po"))


def asked_for() -> set[str]:
    return set(_in_templates()) | set(_in_python())


def _in_templates() -> Iterator[str]:
    for path in sorted(TEMPLATES.rglob("*.html")):
        nodes = get_template(path.relative_to(TEMPLATES).as_posix()).template.nodelist  # type: ignore[attr-defined]
        for node in nodes.get_nodes_by_type(TranslateNode):
            if isinstance(node.filter_expression.var, str):
                yield node.filter_expression.var
            elif not node.filter_expression.var.lookups:
                yield str(node.filter_expression.var.literal)
        for node in nodes.get_nodes_by_type(BlockTranslateNode):
            text = node.render_token_list(node.singular)[0]
            yield " ".join(line.strip() for line in text.strip().splitlines()) if node.trimmed else text


def _in_python() -> Iterator[str]:
    for path in sorted((REPOSITORY / "evalapp").rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if "django.utils.translation" not in text:
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CALLS:
                first = node.args[0]
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    yield first.value


def test_words_are_found_at_all() -> None:
    assert {"Dope", "How to play", "You are offline.", "%(number)s answer so far"} <= asked_for()


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_untranslated_and_nothing_is_left_over(language: str) -> None:
    assert {entry.msgid for entry in catalogue(language)} == asked_for()
    for entry in catalogue(language):
        assert not entry.fuzzy
        assert not entry.obsolete
        assert all(entry.msgstr_plural.values()) if entry.msgid_plural else entry.msgstr, entry.msgid


@pytest.mark.parametrize("language", LANGUAGES)
def test_translations_keep_the_places_that_are_filled_in(language: str) -> None:
    for entry in catalogue(language):
        wanted = sorted(PLACES.findall(entry.msgid_plural or entry.msgid))
        *singular, text = [entry.msgstr_plural[form] for form in sorted(entry.msgstr_plural)] or [entry.msgstr]
        assert sorted(PLACES.findall(text)) == wanted, text
        # One thing may be counted by a word.
        assert all(set(PLACES.findall(form)) <= set(wanted) for form in singular), singular


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_compiled_is_what_was_written(language: str) -> None:
    compiled = polib.mofile(str(LOCALES / language / "LC_MESSAGES" / "django.mo"))
    told = {entry.msgid: entry.msgstr or entry.msgstr_plural for entry in compiled}
    assert told == {entry.msgid: entry.msgstr or entry.msgstr_plural for entry in catalogue(language)}


@pytest.mark.parametrize(
    ("wish", "told"),
    [("ja,en;q=0.5", "ja"), ("fr-CA", "fr"), ("pt, es;q=0.8", "es"), ("tlh", "en"), ("de-AT,de;q=0.9", "de")],
)
@pytest.mark.django_db
def test_the_browsers_wish_is_heard(wish: str, told: str) -> None:
    answer = Client().get("/", headers={"accept-language": wish})
    assert f'<html lang="{told}"' in answer.content.decode()
    assert answer.headers["content-language"] == told
    assert "Accept-Language" in answer.headers["vary"]


@pytest.mark.django_db
def test_the_visitors_choice_is_remembered_and_comes_before_the_browsers_wish() -> None:
    browser = Client(headers={"accept-language": "ja"})
    answer = browser.post("/language/", {"language": "es", "next": "/?x=1"})
    assert (answer.status_code, answer.headers["location"]) == (302, "/?x=1")
    assert '<html lang="es"' in browser.get("/").content.decode()


def test_the_choice_leads_to_no_other_site_and_knows_its_languages() -> None:
    answer = Client().post("/language/", {"language": "xx", "next": "https://elsewhere.example/"})
    assert answer.headers["location"] == "/"
    assert not answer.cookies


@pytest.mark.django_db
def test_operators_read_english_and_pictures_do_not_vary() -> None:
    browser = Client(headers={"accept-language": "ja"})
    assert browser.get("/lab/").headers["content-language"] == "en"
    assert "Accept-Language" not in browser.get("/healthz").headers.get("vary", "")


def test_the_catalogues_lie_where_they_are_looked_for() -> None:
    assert {path.name for path in Path(LOCALES).iterdir()} == set(LANGUAGES)
