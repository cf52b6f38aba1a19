"""The winner put to work: a search with its encoder and metric, by page, command and over HTTP the same one."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from evalapp.core.models import Job
from evalapp.search.models import SearchIndex
from tests import cast

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture(autouse=True)
def messages(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Nudges are written down instead of sent."""
    sent: list[int] = []
    monkeypatch.setattr("evalapp.core.tasks.work.apply_async", lambda words, **_: sent.append(words[0]))
    return sent


def test_all_doors_lead_to_one_index(admin_client: Client) -> None:
    study = cast.ready_study()
    page = admin_client.post("/lab/studies/match/adopt/", {"contender": cast.FC7})
    index = SearchIndex.objects.get()
    assert page.headers["Location"] == f"/lab/search/{index.slug}/"
    assert (index.catalogue, index.embedding.tap, index.metrics) == (study.catalogue, "fc7", ["hamming"])
    told = admin_client.post(
        "/api/v1/studies/match/adopt/", {"contender": cast.FC7}, content_type="application/json"
    ).json()
    assert told == {"index": index.slug, "job": Job.objects.get().pk}
    call_command("adopt", "match", cast.FC7)
    assert SearchIndex.objects.count() == 1
    call_command("change_index", index.slug, public=True)
    assert SearchIndex.objects.get().is_public
    call_command("change_index", index.slug, delete=True)
    assert not SearchIndex.objects.exists()


def test_luck_cannot_be_put_to_work(admin_client: Client) -> None:
    cast.ready_study()
    answer = admin_client.post(
        "/api/v1/studies/match/adopt/", {"contender": cast.CONTROL}, content_type="application/json"
    )
    assert answer.status_code == 409
    with pytest.raises(CommandError, match="no encoder"):
        call_command("adopt", "match", cast.CONTROL)
