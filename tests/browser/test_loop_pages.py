"""The pages of the loop with everything on them: nothing for axe to complain of, nothing wider than a small phone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Browser, Page
from pytest_django.live_server_helper import LiveServer

from evalapp.exports.models import Export
from evalapp.studies.models import Study
from evalapp.voting.models import Voter
from evalapp.webhooks.models import Delivery, Webhook
from tests import cast
from tests.browser.axe import violations_of
from tests.training.samples import learnt_turn, taste_of

pytestmark = [pytest.mark.browser, pytest.mark.database]


@pytest.fixture(params=["light", "dark"])
def phone(chromium: Browser, request: pytest.FixtureRequest, transactional_db: None) -> Iterator[Page]:
    """The smallest phone, by day and by night."""
    context = chromium.new_context(
        color_scheme=request.param, reduced_motion="reduce", viewport={"width": 320, "height": 640},
        service_workers="block",
    )  # fmt: skip
    yield context.new_page()
    context.close()


def paths_of(study: Study, voter: Voter) -> list[str]:
    """The pages, with a turn, this voter's taste, an export and a webhook to show."""
    turn = learnt_turn(study)
    taste_of(voter, turn)
    Export.objects.create(study=study, format="parquet", rows_expected=100, rows_written=40)
    hook = Webhook.objects.create(url="https://example.org/a/rather/long/address/of/a/hook", events=["study.closed"])
    Delivery.objects.create(webhook=hook, event="study.closed", payload={}, attempts=3, error="It answered 500.")
    run = f"/lab/training/{turn.run.pk}/"
    lab = ["/lab/training/", run, f"{run}lineage/", "/lab/exports/", "/lab/webhooks/"]
    return [*lab, f"/lab/studies/{study.slug}/import/", f"/play/{study.slug}/taste/"]


def test_pages_of_the_loop_on_the_smallest_phone(phone: Page, live_server: LiveServer, study: Study) -> None:
    ada = cast.ada()
    paths = paths_of(study, ada)
    for cookie in (*operator().cookies.values(), *cast.browser_of(ada).cookies.values()):
        phone.context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": live_server.url}])
    for path in paths:
        answer = phone.goto(live_server.url + path)
        assert answer is not None
        assert answer.status == 200, path
        assert violations_of(phone) == [], path
        assert phone.evaluate("document.documentElement.scrollWidth") <= 320, path
    assert phone.get_by_role("button", name="Switch it off").is_visible()


def operator() -> Client:
    """A browser of somebody who may see the lab."""
    client = Client()
    client.force_login(User.objects.create_superuser("olga", password="secret"))
    return client
