"""The audit sees what it is there to see."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from tests.browser.audit import faults_of

pytestmark = pytest.mark.browser

SOUND = "<main><h1>Title</h1>{}</main>"


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (SOUND.format("<img src='data:,'>"), "picture without words"),
        (SOUND.format("<button></button>"), "no name"),
        (SOUND.format("<p style='color: #999; background: #fff'>pale</p>"), "contrast 2.85"),
        (SOUND.format("<p style='color: red'>inline</p>"), "inline style"),
        (SOUND.format("<h3>Too deep</h3>"), "a heading level is left out"),
        (SOUND.format("<h1>Again</h1>"), "2 main headings"),
        (SOUND.format("<p id='a'>1</p><p id='a'>2</p>"), "an id is used twice"),
        (SOUND.format("<section aria-labelledby='gone'>x</section>"), "label is missing"),
        ("<h1>Title</h1>", "0 main landmarks"),
    ],
)
def test_a_fault_is_found(page: Page, body: str, fault: str) -> None:
    page.set_content(f"<html lang='en'><title>Page</title><body>{body}</body></html>")
    assert [found for found in faults_of(page) if fault in found]


def test_a_sound_page_has_no_faults(page: Page) -> None:
    page.set_content(f"<html lang='en'><title>Page</title><body>{SOUND.format('<p>Words</p>')}</body></html>")
    assert faults_of(page) == []
