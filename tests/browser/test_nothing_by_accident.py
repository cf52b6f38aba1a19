"""An operator signs in, and closes and opens a study only after being told what that means."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from evalapp.studies.models import Study
from tests.browser.axe import violations_of

pytestmark = [pytest.mark.browser, pytest.mark.database]


def test_closing_asks_first_and_escape_leaves_it_open(page: Page, live_server: LiveServer, study: Study) -> None:
    User.objects.create_user("olga", password="secret", is_staff=True)
    page.set_viewport_size({"width": 320, "height": 568})
    page.goto(f"{live_server.url}/lab/studies/{study.slug}/")
    assert violations_of(page) == []
    page.get_by_label("Username").fill("olga")
    page.get_by_label("Password").fill("secret")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"**/lab/studies/{study.slug}/")
    assert page.evaluate("document.documentElement.scrollWidth") <= 320

    dialog = page.get_by_role("dialog")
    page.get_by_role("button", name="Close …").click()
    expect(dialog).to_be_visible()
    expect(dialog.get_by_role("button", name="Keep it open")).to_be_focused()
    assert violations_of(page) == []
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    assert Study.objects.get(pk=study.pk).is_open

    page.get_by_role("button", name="Close …").click()
    dialog.get_by_role("button", name="Close", exact=True).click()
    expect(page.get_by_role("button", name="Open again …")).to_be_visible()
    assert not Study.objects.get(pk=study.pk).is_open
