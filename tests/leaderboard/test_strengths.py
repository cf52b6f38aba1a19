"""Several pairs shown at once: strengths of two alternatives out of stored votes, and grids, on the board."""

from __future__ import annotations

import csv
import io
import uuid
from typing import Any

import numpy as np
import pytest
from django.test import Client
from django.utils import timezone

from evalapp.leaderboard.models import Report
from evalapp.leaderboard.services import refresh_report
from evalapp.studies.models import Nomination, Pair, Study
from evalapp.voting.models import Exposure, Vote, Voter
from tests import cast

pytestmark = [pytest.mark.django_db, pytest.mark.database]

THETA = {cast.FC6: 0.9, cast.FC7: 0.0, cast.CONTROL: -0.9}
SIDE, TIES = 0.4, -0.7
PAGE = "/leaderboard/match/"


def study_of(mode: str, queries: int = 40) -> Study:
    study = cast.open_study(queries=queries)
    study.mode = mode
    study.save()
    return study


def owners(study: Study) -> dict[int, set[str]]:
    found: dict[int, set[str]] = {}
    rows = Nomination.objects.filter(contender__study=study, rank=1)
    for pair, name in rows.values_list("pair_id", "contender__name"):
        found.setdefault(pair, set()).add(name)
    return found


def comparisons(study: Study, voters: int, seed: int = 1, backwards: bool = False) -> None:
    """Each voter compares two candidates of every query in which the three differ, as the planted strengths have it."""
    random = np.random.default_rng(seed)
    behind, people = owners(study), Voter.objects.bulk_create(Voter() for _ in range(voters))
    exposures, votes = [], []
    for voter in people:
        for query in study.queries.filter(slots=3).order_by("pk"):
            pairs = random.permutation(list(Pair.objects.filter(query=query, slot__isnull=False).order_by("pk")))[:2]
            one, other = (THETA[next(iter(behind[pair.pk]))] for pair in pairs)
            weights = np.exp([SIDE + one, other, TIES + (SIDE + one + other) / 2])
            said = (("dope", "nope"), ("nope", "dope"), ("tie", "tie"))[random.choice(3, p=weights / weights.sum())]
            shown = group_of(study, voter, list(pairs))
            exposures += shown
            votes += votes_of(shown, said)
    Exposure.objects.bulk_create(exposures)
    Vote.objects.bulk_create(votes[::-1] if backwards else votes)


def group_of(study: Study, voter: Voter, pairs: list[Pair]) -> list[Exposure]:
    group, now = uuid.uuid4(), timezone.now()
    return [
        Exposure(
            voter=voter, study=study, pair=pair, propensity=2 / 90, group=group, side=side,
            leased_until=now, answered_at=now,
        )
        for pair, side in zip(pairs, ("left", "right"), strict=True)
    ]  # fmt: skip


def votes_of(exposures: list[Exposure], said: tuple[str, ...]) -> list[Vote]:
    return [
        Vote(exposure=one, study=one.study, pair=one.pair, voter=one.voter, verdict=verdict)
        for one, verdict in zip(exposures, said, strict=True)
    ]


def strengths(study: Study) -> dict[str, Any]:
    Report.objects.filter(study=study).delete()
    refresh_report(study)
    found: dict[str, Any] = Report.objects.get(study=study).document["strengths"]
    return found


def test_planted_strengths_sides_and_ties_are_found_in_stored_votes() -> None:
    study = study_of("two")
    comparisons(study, 100)
    found = strengths(study)
    assert [line["contender"] for line in found["lines"]] == [cast.FC6, cast.FC7, cast.CONTROL]
    for line in found["lines"]:
        truth = 1 / (1 + np.exp(-THETA[line["contender"]]))
        assert line["strength"] == pytest.approx(truth, abs=0.07)
        assert line["low"] <= truth <= line["high"] < line["low"] + 0.4
        assert line["won"] + line["lost"] + line["tied"] == line["comparisons"]
    assert found["side"]["value"] == pytest.approx(1 / (1 + np.exp(-SIDE)), abs=0.07)
    assert found["side"]["low"] > 0.45
    assert (found["comparisons"], found["voters"], found["left_out"]) == (1000, 100, 0)
    assert found["ties"] == Vote.objects.filter(verdict="tie").count() / 2


def test_the_order_of_votes_changes_nothing() -> None:
    first = study_of("two")
    comparisons(first, 25)
    one = strengths(first)
    Exposure.objects.all().delete()
    comparisons(first, 25, backwards=True)
    other = strengths(first)
    for mine, theirs in zip(one["lines"], other["lines"], strict=True):
        assert mine == pytest.approx(theirs)


def test_what_was_taken_back_or_answered_in_part_is_no_comparison() -> None:
    study = study_of("two")
    comparisons(study, 2)
    before = strengths(study)["comparisons"]
    first, second = Vote.objects.order_by("pk")[0:4:2]
    Vote.objects.filter(pk=first.pk).update(counted=False, void_reason="undone")
    Vote.objects.filter(exposure__group=second.exposure.group).update(counted=False, void_reason="speed")
    assert strengths(study)["comparisons"] == before - 2


def test_an_answer_speaks_for_everybody_behind_the_candidate() -> None:
    study = study_of("two")
    behind = owners(study)
    query = next(
        query
        for query in study.queries.filter(slots=2)
        if {cast.FC6, cast.FC7} in [behind[pair.pk] for pair in Pair.objects.filter(query=query, slot__isnull=False)]
    )
    pairs = sorted(Pair.objects.filter(query=query, slot__isnull=False), key=lambda pair: -len(behind[pair.pk]))
    shown = group_of(study, cast.ada(), pairs)
    Exposure.objects.bulk_create(shown)
    Vote.objects.bulk_create(votes_of(shown, ("dope", "nope")))
    lines = {line["contender"]: line for line in strengths(study)["lines"]}
    assert [lines[name]["won"] for name in THETA] == [1, 1, 0]
    assert [lines[name]["lost"] for name in THETA] == [0, 0, 1]


def play(study: Study, *said: str) -> int:
    """A voter answers all groups there are over HTTP, each candidate in turn as told; how many answers that were."""
    browser, sent = cast.browser_of(cast.ada()), 0
    while groups := browser.post(
        f"/api/v1/studies/{study.slug}/deck/", {"n": 5}, content_type="application/json"
    ).json()["groups"]:
        for group in groups:
            answers = [
                {"token": one["token"], "verdict": said[place % len(said)]}
                for place, one in enumerate(group["candidates"])
            ]
            assert {one["status"] for one in cast.send(browser, *answers)} == {"recorded"}
            sent += len(answers)
    return sent


def test_the_closer_of_two_is_on_the_board_from_the_deck_to_the_file(admin_client: Client) -> None:
    client = admin_client
    study = study_of("two", queries=8)
    sent = play(study, "dope", "nope") + play(study, "tie", "tie")
    assert cast.board(study).votes == sent
    refresh_report(study)
    text = client.get(PAGE).content.decode()
    assert 'id="strengths"' in text
    assert f"Out of {sent // 2} comparisons of 2 voters, {sent // 4} of them ties." in text
    japanese = client.get(PAGE, headers={"accept-language": "ja"}).content.decode()
    assert f"2 人による {sent // 2} 回の比較、うち引き分け {sent // 4} 回。" in japanese
    svg = client.get(f"{PAGE}plots/strengths.svg", headers={"accept-language": "de"})
    assert "<title>Stärken</title>" in svg.content.decode()
    rows = list(csv.DictReader(io.StringIO(client.get(f"{PAGE}tables/strengths.csv").content.decode())))
    assert [row["contender"] for row in rows][-1] == "(left side)"
    assert rows[-1]["comparisons"] == str(sent // 2)
    assert {row["contender"] for row in rows[:-1]} == set(THETA)


def test_a_grid_has_approvals_and_no_strengths(client: Client) -> None:
    study = study_of("grid", queries=8)
    sent = play(study, "dope", "nope", "nope")
    assert cast.board(study).votes == sent
    refresh_report(study)
    text = client.get(PAGE).content.decode()
    assert f"{sent}" in text
    assert 'id="standings"' in text
    assert 'id="strengths"' not in text
    assert client.get(f"{PAGE}plots/strengths.svg").status_code == 404
    assert client.get(f"{PAGE}tables/strengths.csv").status_code == 200
