"""A data scientist's whole way, on real photographs with real networks: from a CSV to a board and an export."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.game import Game
from tests.journeys.installation import Installation, Visitor

pytestmark = [pytest.mark.journey, pytest.mark.browser]

METRICS = ("l2", "cosine", "hamming", "l1")
NETWORKS = {"mv2": "mobilenet_v2_100_224", "mv1": "mobilenet_v1_050_160"}
# Category match of the networks' own documentation, by metric.
EXPECTED = {
    "mv2": {"l2": 0.740, "cosine": 0.750, "hamming": 0.683, "l1": 0.725},
    "mv1": {"l2": 0.674, "cosine": 0.684, "hamming": 0.590, "l1": 0.668},
}
EXPECTED_CONTROL = 0.142


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return Installation(tmp_path_factory.mktemp("photographs") / "var")


def _build(installation: Installation, photographs: Path, models: Path) -> None:
    installation.run("migrate", "--verbosity", "0")
    done = installation.json("import_catalogue", "clothing", str(photographs / "items.csv"), "--map", "path=image")
    assert (done["new"], done["left_out"]) == (3068, 0)
    for name, file in NETWORKS.items():
        installation.run(
            "register_model", f"onnx:{models / file}.onnx", "--name", name, "--tap", "embedding",
            "--resize", "squash", "--interpolation", "bilinear", "--mean", "0.5", "--std", "0.5",
        )  # fmt: skip
    contenders = [word for name in NETWORKS for metric in METRICS for word in ("--contender", f"{name}:{metric}")]
    installation.run(
        "create_study", "photos", "--catalogue", "clothing", *contenders,
        "--gallery", "3068", "--queries", "3068", "--seed", "4",
        # Every answer is one for the board, so that board and export can be told from what was answered.
        "--gold-share", "0", "--repeat-share", "0",
    )  # fmt: skip
    installation.run("precompute", "photos", "--wait")


def test_from_photographs_to_votes(
    installation: Installation, shared: Callable[[str], Path], chromium: Browser
) -> None:
    _build(installation, shared("data/clothing"), shared("models"))
    _the_scores_are_those_of_the_table(installation.json("evaluate", "photos"))

    installation.run("open_study", "photos")
    with installation.serving() as address:
        ada = Visitor(address)
        told = _vote_over_http(ada, 50)
        phone = chromium.new_page(viewport={"width": 390, "height": 844})
        told += _vote_in_the_browser(phone, address, 10)
        phone.close()

        _the_board_agrees(installation, told)
        _the_export_agrees(installation, told)


def _the_scores_are_those_of_the_table(scores: dict[str, Any]) -> None:
    assert (scores["queries"], scores["gallery"]) == (3068, 3068)
    found = {line["contender"]: line for line in scores["contenders"]}
    for name, by_metric in EXPECTED.items():
        for metric, expected in by_metric.items():
            line = found[f"{name}:{metric}"]
            assert line["category_match"] == pytest.approx(expected, abs=0.01), line
            assert line["low"] < line["category_match"] < line["high"]
            assert line["product_recall_at_1"] is None
    assert scores["control"]["expected"] == pytest.approx(EXPECTED_CONTROL, abs=0.002)
    assert scores["control"]["category_match"] == pytest.approx(scores["control"]["expected"], abs=0.03)


def _vote_over_http(visitor: Visitor, number: int) -> list[str]:
    """Votes in decks of ten; every third is a nope. Returns the verdicts in the order they were given."""
    told: list[str] = []
    while len(told) < number:
        deck = visitor.post("/api/v1/studies/photos/deck/", {"n": 10})
        assert not deck["exhausted"]
        picture, headers = visitor.fetch(deck["exposures"][0]["query"]["image"])
        assert headers["Content-Type"] == "image/webp"
        assert picture[8:12] == b"WEBP"
        votes = [
            {"token": exposure["token"], "verdict": "nope" if n % 3 == 2 else "dope", "response_ms": 700 + n}
            for n, exposure in enumerate(deck["exposures"], start=len(told))
        ]
        for expected in ("recorded", "already_recorded"):
            results = visitor.post("/api/v1/votes/", {"votes": votes})["results"]
            assert {result["status"] for result in results} == {expected}
        told += [vote["verdict"] for vote in votes]
    return told


def _vote_in_the_browser(page: Page, address: str, number: int) -> list[str]:
    """Ten swipes with the keys on a phone; every third is a nope."""
    game = Game(page, f"{address}/play/photos/")
    game.start()
    told = ["nope" if n % 3 == 2 else "dope" for n in range(number)]
    for verdict in told:
        game.key("ArrowRight" if verdict == "dope" else "ArrowLeft")
    game.expect_count(number)
    game.expect_sent()
    return told


def _the_board_agrees(installation: Installation, told: list[str]) -> None:
    board = installation.json("leaderboard", "photos")
    assert board["votes"] == len(told)
    assert board["voters"] == 2
    standings = board["standings"]
    assert len(standings) == len(NETWORKS) * len(METRICS) + 1
    assert board["credited_votes"] == sum(line["votes"] for line in standings) >= len(told)
    approvals = [line["approval"] for line in standings if line["approval"] is not None]
    assert approvals == sorted(approvals, reverse=True)
    for line in standings:
        assert 0 <= line["low"] <= line["high"] <= 1


def _the_export_agrees(installation: Installation, told: list[str]) -> None:
    output = installation.var / "export"
    manifest = installation.json("export", "photos", "--format", "csv", "--output", str(output))
    votes = _rows(output / "votes.csv")
    assert [row["verdict"] for row in sorted(votes, key=lambda row: int(row["vote_id"]))] == told
    assert len({row["voter"] for row in votes}) == 2
    assert {row["counted"].lower() for row in votes} == {"true"}

    pairs = {row["pair_id"]: row for row in _rows(output / "pairs.csv")}
    counts = Counter((row["pair_id"], row["verdict"]) for row in votes)
    for pair_id, row in pairs.items():
        assert int(row["dope"]) == counts[pair_id, "dope"]
        assert int(row["nope"]) == counts[pair_id, "nope"]

    board = {line["contender"]: line["votes"] for line in installation.json("leaderboard", "photos")["standings"]}
    first = [row for row in _rows(output / "nominations.csv") if row["rank"] == "1"]
    credited = Counter(
        row["contender"]
        for row in first
        for _ in range(counts[row["pair_id"], "dope"] + counts[row["pair_id"], "nope"])
    )
    assert {name: credited[name] for name in board} == board
    assert manifest["rows"]["votes"] == len(told)


def _rows(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))
