"""The attribute baseline while the service is away: found once for everybody, and anew when the catalogue changes."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from pytest_django.fixtures import DjangoAssertNumQueries

from evalapp.catalog.models import Catalogue
from evalapp.catalog.services.item_flags import flag_items
from evalapp.catalog.services.items import upsert_items
from evalapp.search.domain.recent_answers import RecentAnswers
from evalapp.search.models import SearchIndex
from evalapp.search.queries import lookups
from tests.search.shop import HUES, ServiceHere, draft, photo
from tests.search.test_lookups import ask_item, ask_photo, keys


class TestRecentAnswers:
    def test_what_was_asked_least_lately_is_let_go(self) -> None:
        recent, found = RecentAnswers[int](2), []

        def find(number: int) -> int:
            found.append(number)
            return number

        for number in (1, 2, 1, 3, 1, 2):
            assert recent.get(number, lambda number=number: find(number)) == number  # type: ignore[misc]
        assert found == [1, 2, 3, 2]

    def test_many_at_once_find_it_once_and_others_one_after_another(self) -> None:
        recent, running, most = RecentAnswers[str](10), [0], [0]
        found: list[str] = []

        def find(key: str) -> str:
            running[0] += 1
            most[0] = max(most[0], running[0])
            time.sleep(0.01)
            found.append(key)
            running[0] -= 1
            return key

        asked = ["photo", "red", "photo", "blue", "photo", "red"] * 3
        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(lambda key: recent.get(key, lambda: find(key)), asked)) == asked
        assert sorted(found) == ["blue", "photo", "red"]
        assert most == [1]

    def test_one_who_fails_leaves_nothing_behind(self) -> None:
        recent = RecentAnswers[int](2)
        with pytest.raises(ZeroDivisionError):
            recent.get("a", lambda: 1 // 0)
        assert recent.get("a", lambda: 7) == 7


@pytest.mark.django_db
@pytest.mark.database
class TestBaseline:
    @pytest.fixture(autouse=True)
    def _away(self, service: ServiceHere, monkeypatch: pytest.MonkeyPatch) -> None:
        service.is_up = False
        monkeypatch.setattr(lookups, "recent_baseline", RecentAnswers(256))

    def test_the_same_question_is_answered_by_looking_items_up(
        self, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        first = ask_photo(photo(HUES["red"])).json()
        with django_assert_num_queries(2):
            again = ask_photo(photo(HUES["blue"])).json()
        assert again["by"] == "attributes"
        assert (again["answers"], again["facets"]) == (first["answers"], first["facets"])

    def test_another_question_has_answers_of_its_own(self) -> None:
        red, blue = (keys(ask_item(key=f"{colour}-dress")) for colour in ("red", "blue"))
        assert "red-dress" not in red
        assert "blue-dress" not in blue
        assert len(red) == len(blue) == 11
        shirts = keys(ask_photo(photo(HUES["red"]), filters='{"category": ["shirt"]}'))
        assert all(key.endswith("shirt") for key in shirts)
        assert len(keys(ask_photo(photo(HUES["red"])))) == 12

    def test_what_came_or_was_flagged_since_is_seen_at_once(self, index: SearchIndex) -> None:
        assert len(keys(ask_photo(photo(HUES["red"])))) == 12
        upsert_items("shop", [draft("hat", photo(20), category="hat")])
        assert "hat" in keys(ask_photo(photo(HUES["red"])))
        flag_items("shop", ["red-dress"], "wrong label")
        told = ask_photo(photo(HUES["red"])).json()
        assert "red-dress" not in [one["key"] for one in told["answers"]]
        assert told["facets"]["category"] == {"shirt": 6, "dress": 5, "hat": 1}
        assert told["change"] == Catalogue.objects.get(slug="shop").last_change > 0

    def test_another_gallery_has_answers_of_its_own(self, index: SearchIndex) -> None:
        assert len(keys(ask_photo(photo(HUES["red"])))) == 12
        SearchIndex.objects.update(gallery_domain="street")
        assert keys(ask_photo(photo(HUES["red"]))) == []
