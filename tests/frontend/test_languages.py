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
from django.test import Client, RequestFactory
from django.utils import translation
from django.views.defaults import bad_request

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
            literal = None if node.filter_expression.var.lookups else str(node.filter_expression.var.literal)
            if literal is not None:
                # A per cent sign in a template is told from a place to fill in by being written twice.
                yield literal.replace("%", "%%")
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


def unmarked_in(source: str) -> list[str]:
    """Words that people would read or hear, and that no translator has seen."""
    for unread in UNREAD:
        source = re.sub(unread, "", source, flags=re.DOTALL)
    told = re.findall(r'(?:aria-label|alt|title|placeholder|data-label|data-unit)="([^"]+)"', source)
    texts = [SAME.sub("", text).strip() for text in told + re.sub(r"<[^>]*>", "\n", source).splitlines()]
    return [text for text in texts if re.search(r"[A-Za-z]{2}", text)]


VISITORS = [
    "home.html", "base.html", "languages.html", "core/messages.html", "voting/sign_in.html",
    "400.html", "403.html", "403_csrf.html", "404.html", "405.html", "500.html",
    *(f"voting/{name}.html" for name in
      ("play", "controls", "examples", "help", "intro", "closed", "lens", "yours", "privacy")),
    "search/search.html", "training/taste.html", "voting/poster.html",
    *(path.relative_to(TEMPLATES).as_posix() for path in sorted((TEMPLATES / "leaderboard").rglob("*.html"))),
]  # fmt: skip
"""What people see who are no operators."""
SAME = re.compile(r"\b(Dope or Nope|SVG|PNG|CSV|UTC|Lab|Website)\b")
"""Names, kinds of files, a link for operators, and a field that nobody sees."""
UNREAD = (
    r"\{#.*?#\}",
    r"\{% comment %\}.*?\{% endcomment %\}",
    r"\{% block body_class %\}.*?\{% endblock %\}",
    r"\{% blocktranslate.*?\{% endblocktranslate %\}",
    r"<(section)\b[^>]*\blang=.en.*?</\1>",
    r"\{%.*?%\}|\{\{.*?\}\}",
)


@pytest.mark.parametrize("name", VISITORS)
def test_no_word_of_a_visitors_page_is_left_out(name: str) -> None:
    assert unmarked_in((TEMPLATES / name).read_text(encoding="utf-8")) == []


def test_a_word_that_was_left_out_is_found() -> None:
    assert unmarked_in('<p>{% translate "x" %} Some words</p><b aria-label="Hello {{ x }}">1</b>') == [
        "Hello",
        "Some words",
    ]


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
    assert {"Accept-Language", "Cookie"} <= set(answer.headers["vary"].split(", "))


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


@pytest.mark.parametrize(
    "there", ["-1", "on", "home", "admin:index", "javascript:alert(1)", "//elsewhere.example/", "\\\\x"]
)
def test_what_is_no_path_of_ours_leads_home(there: str) -> None:
    """A word without a slash would be taken for the name of a page."""
    answer = Client().post("/language/", {"language": "es", "next": there})
    assert (answer.status_code, answer.headers["location"]) == (302, "/")


@pytest.mark.django_db
def test_who_is_refused_is_told_so_in_their_language() -> None:
    browser = Client(enforce_csrf_checks=True, raise_request_exception=False, headers={"accept-language": "de"})
    refused = browser.post("/privacy/forget/")
    assert (refused.status_code, refused.headers["content-language"]) == (403, "de")
    assert "Die Seite war zu lange offen" in refused.content.decode()
    with translation.override("es"):
        assert "vuelve a cargar" in bad_request(RequestFactory().get("/"), ValueError()).content.decode().lower()


@pytest.mark.django_db
def test_every_language_is_offered_by_its_own_name() -> None:
    text = Client(headers={"accept-language": "fr"}).get("/").content.decode()
    assert [name for _, name in settings.LANGUAGES if f">{name}</button>" not in text] == []


@pytest.mark.django_db
def test_operators_read_english_and_pictures_do_not_vary() -> None:
    browser = Client(headers={"accept-language": "ja"})
    assert browser.get("/lab/").headers["content-language"] == "en"
    assert "Accept-Language" not in browser.get("/healthz").headers.get("vary", "")


def test_the_catalogues_lie_where_they_are_looked_for() -> None:
    assert {path.name for path in Path(LOCALES).iterdir()} == set(LANGUAGES)
