"""What takes longer than a glance: categories, labels, examples, how votes were spent."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

import numpy as np
import pytest
from django.db import connection
from django.db.models import F

from evalapp.leaderboard.models import Report
from evalapp.leaderboard.services import refresh_report
from evalapp.stats.strata import StratumSums, stratum_approvals
from evalapp.studies.models import Nomination, Study
from evalapp.studies.services import close_study, store_evaluation
from evalapp.voting.models import Exposure, Vote
from tests import cast
from tests.leaderboard.crowds import let_score, voted_study

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture
def study() -> Study:
    return voted_study(600, voters=60)


def report(study: Study) -> dict[str, Any]:
    refresh_report(study)
    document: dict[str, Any] = Report.objects.get(study=study).document
    return document


def slow_sums(study: Study, contender: str, category: str) -> StratumSums:
    """Vote by vote."""
    liked: dict[Any, float] = defaultdict(float)
    mass: dict[Any, float] = defaultdict(float)
    votes = 0
    first = set(Nomination.objects.filter(rank=1, contender__name=contender).values_list("pair_id", flat=True))
    for vote in Vote.objects.filter(study=study, counted=True).select_related("exposure", "pair__query__item"):
        if vote.pair_id in first and vote.pair.query.item.category == category:
            liked[vote.voter_id] += (vote.verdict == "dope") / vote.exposure.propensity
            mass[vote.voter_id] += 1 / vote.exposure.propensity
            votes += 1
    one, other = (np.array(list(values.values())) for values in (liked, mass))
    sums = (one.sum(), other.sum(), one @ one, one @ other, other @ other, votes, len(one))
    return StratumSums(*(np.array([float(value)]) for value in sums))


def test_a_category_is_counted_as_a_slow_loop_would(study: Study) -> None:
    cells = report(study)["categories"]["cells"]
    assert {cell["category"] for cell in cells} == {"dress", "shirt"}
    for cell in cells:
        slow = slow_sums(study, cell["contender"], cell["category"])
        found = stratum_approvals(slow)
        assert cell["approval"] == pytest.approx(found.estimates[0])
        assert (cell["low"], cell["high"]) == pytest.approx((found.low[0], found.high[0]))
        assert (cell["votes"], cell["voters"]) == (slow.votes[0], slow.voters[0])
        assert 0 <= cell["pooled"] <= 1


def test_categories_together_have_the_votes_of_the_board(study: Study) -> None:
    found = report(study)["categories"]
    for line in cast.board(study).standings:
        assert sum(cell["votes"] for cell in found["cells"] if cell["contender"] == line.contender) == line.votes
    assert sum(found["queries"].values()) == 40


def test_a_catalogue_without_labels_has_no_categories(study: Study) -> None:
    study.catalogue.items.update(category="")
    assert report(study)["categories"]["cells"] == []


def scores(**values: float) -> dict[str, Any]:
    lines = [
        {
            "contender": name,
            "category_match": value,
            "low": value - 0.1,
            "high": value + 0.1,
            "product_recall_at_1": None,
        }
        for name, value in values.items()
    ]
    return {"study": "match", "contenders": lines, "control": {"category_match": 0.5}}


def test_labels_are_compared_with_the_crowd_and_the_control_is_left_out(study: Study) -> None:
    assert report(study)["offline"] == {"scores": []}
    store_evaluation(study, scores(**{cast.FC6: 0.9, cast.FC7: 0.5}))
    (score,) = report(study)["offline"]["scores"]
    assert (score["key"], score["correlation"]["things"]) == ("category_match", 2)
    assert score["correlation"]["value"] == pytest.approx(1)
    assert (score["correlation"]["low"], score["correlation"]["high"]) == (-1, 1)
    assert {point["contender"] for point in score["points"]} == {cast.FC6, cast.FC7}


def test_examples_are_what_their_names_say(study: Study) -> None:
    groups = {group["key"]: group for group in report(study)["examples"]["groups"]}
    shares = {
        key: [pair["dope"] / (pair["dope"] + pair["nope"]) for pair in groups[key]["pairs"]]
        for key in ("liked", "disliked", "disputed")
    }
    assert min(shares["liked"]) > 0.8
    assert max(shares["disliked"]) < 0.3
    assert all(0.2 < share < 0.8 for share in shares["disputed"])
    for group in groups.values():
        for pair in group["pairs"]:
            first = Nomination.objects.filter(pair=pair["pair"], rank=1).values_list("contender__name", flat=True)
            assert set(pair["contenders"]) == set(first)
            assert pair["dope"] + pair["nope"] >= 3


def test_where_two_differ_both_answers_to_one_query_are_shown(study: Study) -> None:
    groups = [group for group in report(study)["examples"]["groups"] if group.get("versus")]
    assert groups
    for group in groups:
        better = group["key"].removeprefix("differ:")
        for one, other in zip(group["pairs"][::2], group["pairs"][1::2], strict=True):
            assert one["query"]["key"] == other["query"]["key"]
            assert one["candidate"]["key"] != other["candidate"]["key"]
            assert better in one["contenders"]
            assert better not in other["contenders"]


def test_votes_are_spent_as_the_design_says(study: Study) -> None:
    lines = report(study)["sampling"]["lines"]
    assert {line["contender"] for line in lines} == {cast.FC6, cast.FC7, cast.CONTROL}
    for line in lines:
        assert line["share"] == pytest.approx(line["even"], abs=0.08)
        assert line["skipped"] == 0


def test_it_is_made_anew_when_something_changed_and_only_then(study: Study) -> None:
    assert refresh_report(study)
    assert not refresh_report(study)
    cast.answered_exposure(study, cast.ada())
    assert refresh_report(study)
    store_evaluation(study, scores(**{cast.FC6: 0.9}))
    assert refresh_report(study)
    close_study(study)
    study.refresh_from_db()
    assert refresh_report(study)
    assert not refresh_report(study)


def test_a_study_without_votes_has_a_report_too() -> None:
    document = report(cast.open_study("empty"))
    assert document["examples"]["groups"] == []
    assert all(cell["approval"] is None for cell in document["categories"]["cells"])


_ROWS = ("voting_vote", "voting_exposure", "leaderboard_boardvoter", "studies_nomination", "studies_pair")
_PLANS = ("enable_hashagg", "enable_hashjoin", "enable_mergejoin", "enable_seqscan", "enable_indexscan")


def test_a_report_is_the_same_to_the_last_bit_whichever_way_its_rows_are_read() -> None:
    """Rows lie in another order after an update, and servers choose among plans as they like; sums of floating-point
    numbers differ by their order."""
    study = voted_study(1200, voters=60)
    # Chances as an adaptive design gives them: their inverses are no whole numbers.
    Exposure.objects.update(propensity=F("propensity") * (0.9 + F("pair_id") % 7 / 101.0))
    let_score(study)
    before = report(study)
    for part, avoided in enumerate(_PLANS, start=2):
        with connection.cursor() as cursor:
            for table in _ROWS:
                cursor.execute(f"UPDATE {table} SET id = id WHERE id % {part} = 0")
            cursor.execute(f"SET LOCAL {avoided} = off")
            Report.objects.update(version="")
            again = report(study)
            differs = {
                name
                for name in again
                if json.dumps(again[name], sort_keys=True) != json.dumps(before[name], sort_keys=True)
            }
            assert differs == set(), avoided
            cursor.execute(f"SET LOCAL {avoided} = on")
