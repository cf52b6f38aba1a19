"""A form that came back says first what is off, takes the focus there, and leads to each field."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from evalapp.studies.models import Study
from tests.browser.audit import sideways
from tests.browser.axe import violations_of
from tests.browser.test_loop_pages import operator

pytestmark = [pytest.mark.browser, pytest.mark.database]


@pytest.mark.parametrize("path", ["studies/new/", "training/", "training/labels/", "password/"])
def test_what_is_off_takes_the_focus_and_leads_to_the_fields(
    page: Page, live_server: LiveServer, study: Study, path: str
) -> None:
    for cookie in operator().cookies.values():
        page.context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": live_server.url}])
    page.set_viewport_size({"width": 320, "height": 640})
    page.goto(f"{live_server.url}/lab/{path}")
    # As a browser sends it that checks nothing by itself.
    page.evaluate("""() => {
      const form = document.querySelector("main form.form");
      form.noValidate = true;
      form.querySelectorAll("input[required]").forEach((field) => { field.value = ""; });
      form.requestSubmit();
    }""")
    summary = page.locator(".notice--bad[role=alert]")
    expect(summary).to_be_focused()
    links = summary.get_by_role("link").all()
    assert links
    for link in links:
        link.click()
        field = page.locator(f"[id='{str(link.get_attribute('href'))[1:]}']")
        expect(field).to_be_visible()
        expect(field).to_be_focused()
    assert (sideways(page), violations_of(page)) == (0, [])
