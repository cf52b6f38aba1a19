"""Two indexes mixed into one list, blind, and credited by what people say."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterator

import pytest
from rest_framework.test import APIClient

from evalapp.contenders.services.registration import register_model
from evalapp.core.domain.errors import Conflict, InvalidInput
from evalapp.core.pipeline.chunk_work import work_on
from evalapp.search.models import LiveTest, Lookup, LookupVerdict, SearchIndex
from evalapp.search.queries.live_tests import described_test
from evalapp.search.services.live_tests import close_live_test, forget_unanswered, open_live_test
from evalapp.search.services.search_indexes import IndexPlan, create_index, request_build
from evalapp.voting.models import Exposure
from tests.search.shop import ServiceHere
from tests.search.test_feedback import say, search, visitor

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture
def live(index: SearchIndex, service: ServiceHere) -> Iterator[LiveTest]:
    """The shop's index against one of another encoder."""
    register_model(source="tiny-vgg", name="tiny", options={})
    other = create_index(IndexPlan(slug="other", catalogue="shop", encoder="tiny.fc7"))
    work_on(request_build(other).pk)
    other.refresh_from_db()
    service.served.look_at_rows()
    return open_live_test(index, other)


def test_answers_of_both_are_mixed_and_nothing_tells_whose_they_are(live: LiveTest) -> None:
    found = search(visitor(), key="red-dress")
    teams = {row[3] for row in Lookup.objects.get().shown}
    assert teams == {1, 2}
    assert {answer["distance"] for answer in found["answers"]} == {None}
    assert len({answer["key"] for answer in found["answers"]}) == len(found["answers"]) == 11
    body = found["question"].split(":")[0].lstrip(".")
    held = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
    held = zlib.decompress(held) if found["question"].startswith(".") else held
    assert held.endswith(b",[]]")


def test_verdicts_are_credited_to_the_team_and_kept_with_their_propensity(live: LiveTest) -> None:
    ada = visitor()
    found = search(ada, key="red-dress")
    row = Lookup.objects.get().shown[0]
    assert say(ada, found, a0="dope") == [("recorded", "dope")]
    assert LookupVerdict.objects.get().team == row[3]
    assert Exposure.objects.get().propensity == row[2] <= 1.0
    told = described_test(live)
    assert (told["verdicts"], told["voters"], told["winner"]) == (1, 1, None)
    assert told["difference"] == (1.0 if row[3] == 1 else -1.0)
    assert say(visitor(), found, a1="dope") == [("unknown", None)]


def test_what_nobody_said_anything_to_is_forgotten(live: LiveTest) -> None:
    search(visitor(), key="red-dress")
    assert forget_unanswered() == 0
    Lookup.objects.update(asked_at="2020-01-01T00:00Z")
    assert forget_unanswered() == 1


def test_where_the_other_does_not_answer_there_is_no_test(live: LiveTest, service: ServiceHere) -> None:
    del service.served._served["other"]
    found = search(visitor(), key="red-dress")
    assert found["by"] == "vectors"
    assert found["answers"][0]["distance"] is not None
    assert Lookup.objects.count() == 0


def test_only_one_at_a_time_and_only_what_can_be_compared(live: LiveTest, index: SearchIndex) -> None:
    with pytest.raises(Conflict):
        open_live_test(index, live.second)
    with pytest.raises(InvalidInput):
        open_live_test(index, index)
    close_live_test(index)
    assert search(visitor(), key="red-dress")["answers"][0]["distance"] is not None


def test_the_three_doors_know_the_same_words(live: LiveTest, operator: APIClient) -> None:
    address = "/api/v1/indexes/shop/live-test/"
    assert [test["open"] for test in operator.get(address).json()] == [True]
    assert operator.delete(address).json()["open"] is False
    assert operator.delete(address).status_code == 404
    assert operator.post(address, {"against": "other"}, format="json").status_code == 201
    assert operator.post(address, {"against": "nothing"}, format="json").status_code == 404
