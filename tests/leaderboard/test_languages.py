"""The board in the visitor's language: its words, its plots and its numbers, and never those of the visitor before."""

from __future__ import annotations

import json
import re
from html import unescape

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from evalapp.leaderboard.models import Report, Snapshot
from evalapp.leaderboard.pages.board_view import Reading
from evalapp.leaderboard.pages.figures import FIGURES
from evalapp.leaderboard.pages.tables import TABLES
from evalapp.leaderboard.services import refresh_report, take_snapshot
from evalapp.studies.models import Study
from evalapp.studies.services import close_study
from evalapp.voting.models import Voter
from evalapp.voting.services.voters import block_voter
from tests import cast
from tests.leaderboard.crowds import let_score, let_vote, voted_study

pytestmark = [pytest.mark.django_db, pytest.mark.database]

PAGE = "/leaderboard/match/"
NAMES = (cast.FC6, cast.FC7, cast.CONTROL, "Match", "Dope or Nope", "dress", "shirt")
KEPT = {"UTC", "JSON", "SVG", "PNG", "CSV", "dope", "Dope", "nope"}
"""Words that are the same in every language."""
HEADINGS = re.compile(r"<(h1|h2|h3|th|summary|figcaption|title|desc)\b[^>]*>(.*?)</\1>", re.DOTALL)


@pytest.fixture
def study() -> Study:
    """Closed, with votes, one voter set aside, two snapshots, automatic scores and a report."""
    study = voted_study(1200, voters=60)
    take_snapshot(study)
    let_vote(study, 300, 12, seed=2)
    voter = Voter.objects.order_by("pk").first()
    assert voter
    block_voter(voter)
    take_snapshot(study)
    let_score(study)
    close_study(study)
    refresh_report(study)
    return study


def look(language: str, path: str = PAGE) -> str:
    answer = Client(headers={"accept-language": language}).get(path)
    assert answer.status_code == 200
    assert answer.headers["content-language"] == language
    return answer.content.decode()


def words_of(html: str) -> set[str]:
    """Words in Latin letters, without the names that contenders and pictures bear."""
    text = unescape(re.sub(r"<[^>]+>", "", html.replace("<wbr>", "")))
    for name in NAMES:
        text = text.replace(name, " ")
    return set(re.findall(r"[A-Za-z]{3,}", text)) - KEPT


def pages(study: Study) -> list[str]:
    kept = Snapshot.objects.filter(study=study).latest("pk").pk
    plan = f"{PAGE}plan/?best=55&second=50&contenders=8&overlap=30&effect=1.2"
    return [PAGE, f"{PAGE}history/", f"{PAGE}history/{kept}/", plan, "/method/"]


def test_the_board_in_japanese_has_no_english_word_in_its_headings(study: Study) -> None:
    for path in pages(study):
        page = look("ja", path)
        headings = [text for _, text in HEADINGS.findall(page)]
        assert headings
        assert {text: words_of(text) for text in headings if words_of(text)} == {}, path
        labels = re.findall(r'(?:aria-label|data-label|data-unit|alt)="([^"]+)"', page)
        assert {text: words_of(text) for text in labels if words_of(text)} == {}, path


@pytest.mark.parametrize("language", [code for code, _ in settings.LANGUAGES if code != "en"])
def test_no_sentence_of_it_stays_english(study: Study, language: str) -> None:
    for path in pages(study):
        english = {text.strip() for text in re.findall(r">([^<>{}]*[a-z]{2} [a-z]{2}[^<>]*)<", look("en", path))}
        assert english
        told = look(language, path)
        assert [text for text in english if f">{text}<" in told] == [], path


@pytest.mark.parametrize("name", sorted(set(FIGURES) - {"strengths"}))
def test_words_inside_plots_are_the_visitors(study: Study, name: str) -> None:
    svg = look("ja", f"{PAGE}plots/{name}.svg")
    assert 'xml:lang="ja"' in svg
    texts = re.findall(r"<(text|title|desc)\b[^>]*>(.*?)</\1>", svg)
    assert texts
    assert {text: words_of(text) for _, text in texts if words_of(text)} == {}


def test_two_languages_after_each_other_each_get_their_own(study: Study) -> None:
    browser = Client()
    tags = {}
    for language, heading in (("de", "Direkter Vergleich"), ("ja", "直接比較"), ("de", "Direkter Vergleich")):
        answer = browser.get(PAGE, headers={"accept-language": language})
        assert heading in answer.content.decode()
        assert {"Accept-Language", "Cookie"} <= set(answer.headers["vary"].split(", "))
        assert answer.headers["cache-control"] == "private, no-cache"
        tags[language] = answer.headers["etag"]
    # What one language has is no answer to the other.
    again = {"if-none-match": tags["de"]}
    assert browser.get(PAGE, headers={**again, "accept-language": "de"}).status_code == 304
    assert "直接比較" in browser.get(PAGE, headers={**again, "accept-language": "ja"}).content.decode()
    browser.post("/language/", {"language": "fr", "next": "/"})
    assert "Face à face" in browser.get(PAGE, headers={**again, "accept-language": "de"}).content.decode()


def test_people_read_decimal_commas_and_programs_never_do(study: Study) -> None:
    german = look("de")
    assert re.search(r"\d\d,\d\u00a0%", german)
    assert not re.search(r"\d\.\d%", german)
    assert re.search(r"<dd>1\.\d{3}</dd>", german)
    document = Snapshot.objects.filter(study=study).latest("pk")
    plain = [f"{PAGE}tables/{name}.csv" for name in TABLES]
    plain += [f"{PAGE}history/{document.pk}/?format=json", "/api/v1/studies/match/leaderboard/"]
    for path in plain:
        texts = {Client(headers={"accept-language": code}).get(path).content for code, _ in settings.LANGUAGES}
        assert len(texts) == 1, path


def test_what_is_stored_is_the_same_whoever_asked_for_it(study: Study) -> None:
    before = json.dumps(Report.objects.get(study=study).document, sort_keys=True)
    Report.objects.update(version="")
    with translation.override("ja"):
        refresh_report(study)
    assert json.dumps(Report.objects.get(study=study).document, sort_keys=True) == before


def test_a_language_costs_no_query(study: Study) -> None:
    look("en")
    counts = {}
    for language in ("en", "ja"):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            look(language)
        counts[language] = len(queries)
    assert counts["ja"] == counts["en"]


def test_a_plot_says_its_few_words_by_the_phrases_it_is_given(study: Study) -> None:
    with translation.override("fr"):
        drawing = FIGURES["standings"](Reading(study, operator=True), 720)
    assert drawing
    assert drawing.title == "Approbation"
    assert any("de 8" in getattr(mark, "hint", "") for mark in drawing.marks)
