"""A form that came back says first what is off, takes the focus there, and leads to each field."""

from __future__ import annotations

from pathlib import Path

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
    sign_in(page, live_server)
    page.set_viewport_size({"width": 320, "height": 640})
    page.goto(f"{live_server.url}/lab/{path}")
    # As a browser sends it that checks nothing by itself.
    page.evaluate("""() => {
      const form = document.querySelector("main form.form");
      form.noValidate = true;
      form.querySelectorAll("input[required]").forEach((field) => { field.value = ""; });
      form.requestSubmit();
    }""")
    leads_to_its_fields(page)


@pytest.mark.parametrize("path", ["start/", "catalogue-new/", "model-new/", "region-new/"])
def test_a_form_with_files_comes_back_as_every_other_form_does(
    page: Page, live_server: LiveServer, study: Study, path: str, tmp_path: Path
) -> None:
    sign_in(page, live_server)
    page.set_viewport_size({"width": 320, "height": 640})
    page.goto(f"{live_server.url}/lab/{path}")
    bad = tmp_path / "bad.txt"
    bad.write_bytes(b"neither pictures nor a network")
    page.set_input_files("#id_file", bad)
    if page.locator("#id_name").count():
        page.fill("#id_name", "typed-once")
    page.locator("main form.form button.button--dope").click()
    assert leads_to_its_fields(page) == ["id_file"]
    # What was typed and chosen is still there, and the form can be sent again.
    assert page.input_value("#id_file").endswith("bad.txt")
    expect(page.locator("[data-chosen]").first).to_contain_text("bad.txt")
    if page.locator("#id_name").count():
        expect(page.locator("#id_name")).to_have_value("typed-once")
    page.locator("main form.form button.button--dope").click()
    expect(page.locator(".notice--bad")).to_have_count(1)
    leads_to_its_fields(page)


def leads_to_its_fields(page: Page) -> list[str]:
    """The fields of the summary, which has the focus and leads to each; each says that it is off, and why."""
    summary = page.locator(".notice--bad[role=alert]")
    expect(summary).to_be_focused()
    found = []
    for link in summary.get_by_role("link").all():
        link.click()
        found.append(str(link.get_attribute("href"))[1:])
        field = page.locator(f"[id='{found[-1]}']")
        expect(field).to_be_visible()
        expect(field).to_be_focused()
        described = field.or_(page.locator("fieldset", has=field)).first
        reasons = [page.locator(f"[id='{name}']") for name in str(described.get_attribute("aria-describedby")).split()]
        assert any(reason.locator(".form__error").count() for reason in reasons)
    assert found
    assert (sideways(page), violations_of(page)) == (0, [])
    return found


def sign_in(page: Page, live_server: LiveServer) -> None:
    for cookie in operator().cookies.values():
        page.context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": live_server.url}])
