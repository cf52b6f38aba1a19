"""Triplets are decided by key, and a map is walked by key; both pages are sound."""

from __future__ import annotations

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from evalapp.catalog.services.triplets import propose_from_labels, triplet_counts
from evalapp.contenders.models import Embedding, EmbeddingMap
from evalapp.contenders.services.projections import write_points
from evalapp.studies.models import Study
from tests.browser.audit import faults_of, sideways

pytestmark = [pytest.mark.browser, pytest.mark.database]


@pytest.fixture
def operator(page: Page, live_server: LiveServer, transactional_db: None) -> Page:
    """A tab in which Olga, an operator, is signed in."""
    client = Client()
    client.force_login(User.objects.create_superuser("olga", password="secret"))
    cookie = client.cookies["sessionid"].value
    page.context.add_cookies([{"name": "sessionid", "value": cookie, "url": live_server.url}])
    return page


def test_triplets_are_accepted_rejected_and_taken_back_by_key(
    operator: Page, live_server: LiveServer, study: Study
) -> None:
    propose_from_labels(study.catalogue, 3)
    # The first page of a run waits for all of the server to be loaded.
    operator.goto(f"{live_server.url}/lab/catalogues/{study.catalogue.slug}/review/", timeout=60_000)
    assert (faults_of(operator), sideways(operator)) == ([], 0)
    lead = operator.locator(".page__lead")
    operator.keyboard.press("ArrowRight")
    expect(lead).to_contain_text("1 accepted, 0 rejected")
    operator.keyboard.press("ArrowLeft")
    expect(lead).to_contain_text("1 accepted, 1 rejected")
    operator.keyboard.press("z")
    expect(lead).to_contain_text("1 accepted, 0 rejected")
    assert triplet_counts(study.catalogue) == {"proposed": 2, "accepted": 1, "rejected": 0}


def test_a_map_is_walked_by_key_and_filtered_by_category(operator: Page, live_server: LiveServer, study: Study) -> None:
    items = list(study.catalogue.items.order_by("key").values_list("pk", flat=True))
    drawing = EmbeddingMap.objects.create(embedding=Embedding.objects.all()[0])
    write_points(drawing, items, np.random.default_rng(0).uniform(-1, 1, (len(items), 2)).astype(np.float32))
    operator.goto(f"{live_server.url}/lab/maps/{drawing.pk}/")
    expect(operator.locator("[data-map][data-ready]")).to_be_visible()
    assert (faults_of(operator), sideways(operator)) == ([], 0)
    root, said = operator.locator("[data-map]"), operator.locator("#map-said")
    operator.locator("canvas").focus()
    operator.keyboard.press("n")
    expect(said).to_contain_text("item-0000")
    operator.keyboard.press("n")
    expect(said).to_contain_text("item-0001")
    operator.keyboard.press("+")
    expect(root).to_have_attribute("data-zoom", "9.00")
    operator.keyboard.press("0")
    expect(root).to_have_attribute("data-zoom", "1.00")
    operator.get_by_role("button", name="shirt").click()
    operator.locator("canvas").focus()
    operator.keyboard.press("n")
    expect(said).to_contain_text("shirt")
