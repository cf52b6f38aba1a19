"""How far the board may be trusted: agreement, and how little would turn it."""

from __future__ import annotations

import pytest

from evalapp.leaderboard.services import agreement_report, robustness_report
from evalapp.studies.models import Study
from evalapp.voting.domain.simulated_tastes import parse_taste
from evalapp.voting.models import Exposure
from evalapp.voting.pipeline.simulation import simulate_votes
from tests import cast

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture
def study() -> Study:
    return cast.open_study(queries=40)


def test_without_votes_nothing_is_known(study: Study) -> None:
    found = agreement_report(study)
    assert (found["alpha"]["value"], found["ceiling"], found["gold"]["trials"]) == (None, None, 0)
    assert robustness_report(study, cast.board(study)) == {"neighbours": [], "without_one": []}


def test_people_of_one_taste_agree_and_a_few_voters_do_not_turn_the_board(study: Study) -> None:
    simulate_votes(study, votes=400, voters=25, taste=parse_taste("category:0.95,0.05"), seed=1)
    found = agreement_report(study)
    assert 0.6 < found["alpha"]["low"] < found["alpha"]["value"] < found["alpha"]["high"] <= 1
    assert found["same"]["value"] > 0.8
    assert 0.9 < found["ceiling"] <= 1
    board = cast.board(study)
    report = robustness_report(study, board)
    first = report["neighbours"][0]
    assert first["first"] == board.standings[0].contender
    assert first["votes"] is None or first["votes"] > 20
    assert first["voters"] is None or first["voters"] > 3
    for line in report["without_one"]:
        assert line["low"] <= line["approval"] <= line["high"]


def test_gold_and_repeats_are_counted_apart(study: Study) -> None:
    voter = cast.ada()
    for verdict in ("dope", "nope", "dope"):
        gold = cast.answered_exposure(study, voter, verdict)
        Exposure.objects.filter(pk=gold.pk).update(kind="gold", expected="dope")
    first, again = cast.answered_exposure(study, voter, "dope"), cast.answered_exposure(study, voter, "nope")
    Exposure.objects.filter(pk=again.pk).update(kind="repeat", repeats=first.pk)
    found = agreement_report(study)
    assert (found["gold"]["trials"], found["gold"]["duplicates_liked"]) == (3, pytest.approx(2 / 3))
    assert (found["self"]["trials"], found["self"]["value"]) == (1, 0)
