"""The report of a run, number by number, and the guard at its edges."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from models_registry.evaluate import bootstrap
from models_registry.metrics import METRICS, Metric, exact_distances
from models_registry.training.votes.vote_data import Pairs, VoteData
from models_registry.training.votes.vote_metrics import noise_ceiling, vote_auc, within_query
from models_registry.training.votes.vote_report import Answering, Scored, pair_scores, vote_report
from models_registry.training.votes.vote_splits import VoteSplit
from tests.models_registry.training.votes.crowd import votes_of, world

Floats32 = NDArray[np.float32]


def _crowd() -> tuple[VoteData, VoteSplit]:
    """Products of two or three pictures, some of them the same file, some without a category."""
    data = votes_of(world(90), votes=1500)
    rng = np.random.default_rng(3)
    held_out = np.repeat(np.arange(30) % 2 == 0, 3)
    ends = held_out[data.ballots.query].astype(int) + held_out[data.ballots.candidate]
    data = replace(
        data,
        products=[None if row % 10 == 0 else f"product-{row // 3}" for row in range(90)],
        sha256s=[f"{row - row % 7 % 2:064x}" for row in range(90)],
        categories=[None if row % 8 == 0 else f"kind-{kind}" for row, kind in enumerate(rng.integers(3, size=90))],
    )
    return data, VoteSplit(ends == 0, ends == 2, held_out, {"votes": len(ends)})


def _answers(name: str, seed: int, metric: Metric = "cosine", items: int = 90) -> Answering:
    return Answering(name, np.random.default_rng(seed).normal(size=(items, 12)).astype(np.float32), metric)


def _first_choice(data: VoteData, answering: Answering, query: int, *, hide_products: bool) -> int:
    distances = exact_distances(answering.metric, answering.vectors[query], answering.vectors)
    for row in np.argsort(distances, kind="stable").tolist():
        same = data.sha256s[row] == data.sha256s[query]
        hidden = hide_products and data.products[query] is not None and data.products[row] == data.products[query]
        if row != query and not same and not hidden:
            return int(row)
    raise AssertionError("There is always another item.")


def _interval(values: list[float], clusters: list[int]) -> dict[str, float | None]:
    found = bootstrap(np.array(values), clusters=np.array(clusters))
    return {"value": found.value, "low": found.low, "high": found.high, "queries": found.n}


@pytest.mark.parametrize("metric", METRICS)
def test_scores_of_pairs_are_their_distances_turned_round(metric: Metric) -> None:
    answering = _answers("one", 4, metric)
    rng = np.random.default_rng(5)
    query, candidate = rng.integers(90, size=(2, 40))
    query[:20] = query[20:]
    pairs = Pairs(query, candidate, np.ones(40), np.ones(40))
    expected = [
        -float(exact_distances(metric, answering.vectors[one], answering.vectors[other : other + 1])[0])
        for one, other in zip(query, candidate, strict=True)
    ]
    assert pair_scores(answering, pairs).tolist() == expected
    assert pair_scores(answering, pairs.where(np.zeros(40, dtype=np.bool_))).tolist() == []


def test_every_line_is_measured_on_held_out_votes_and_held_out_items() -> None:
    data, split = _crowd()
    child, parent = _answers("child", 0, "l2"), _answers("parent", 1)
    report = vote_report(data, split, child, [parent, _answers("other", 2)])
    json.dumps(report, allow_nan=False)
    assert report["splits"] == {"votes": len(data.ballots)}
    assert report["voters"] == {
        "learnt from": len({int(voter) for voter in data.ballots.voter[split.learn]}),
        "test": len({int(voter) for voter in data.ballots.voter[split.test]}),
    }
    assert report["noise_ceiling"] == noise_ceiling(data.ballots)
    assert [line["name"] for line in report["lines"]] == ["child", "parent", "other"]
    assert [line["metric"] for line in report["lines"]] == ["l2", "cosine", "cosine"]
    pairs = data.ballots.where(split.test).summed_pairs()
    queries = np.flatnonzero(split.held_out).tolist()
    units = [data.products[row] or f"item {row}" for row in queries]
    clusters = [units.index(unit) for unit in units]
    for line, answering in zip(report["lines"], (child, parent), strict=False):
        scores = pair_scores(answering, pairs)
        assert line["vote_auc"] == vote_auc(scores, pairs).as_json()
        assert line["within_query"] == within_query(scores, pairs).as_json()
        firsts = [_first_choice(data, answering, query, hide_products=True) for query in queries]
        matches = [_match(data.categories, query, first) for query, first in zip(queries, firsts, strict=True)]
        assert line["category_match"] == _interval(matches, clusters)
        nearest = [_first_choice(data, answering, query, hide_products=False) for query in queries]
        found = [_recall(data, query, first) for query, first in zip(queries, nearest, strict=True)]
        assert line["product_recall_at_1"] == _interval(found, clusters)
    unseen = {name: report["lines"][0][name] for name in ("vote_auc", "within_query")}
    assert report["both"] == {"fresh": None, "unseen": unseen}


def _match(labels: object, query: int, first: int) -> float:
    assert isinstance(labels, list)
    if labels[query] is None or labels[first] is None:
        return float("nan")
    return float(labels[query] == labels[first])


def _recall(data: VoteData, query: int, first: int) -> float:
    product = data.products[query]
    others = [
        row
        for row in range(90)
        if row != query and product and data.products[row] == product and data.sha256s[row] != data.sha256s[query]
    ]
    return float(first in others) if others else float("nan")


def test_changed_first_choices_and_the_guard_are_against_the_first_parent() -> None:
    data, split = _crowd()
    child, parent = _answers("child", 0), _answers("parent", 1)
    report = vote_report(data, split, child, [parent, child])
    queries = np.flatnonzero(split.held_out).tolist()
    ours, theirs = (
        [_first_choice(data, one, query, hide_products=True) for query in queries] for one in (child, parent)
    )
    assert report["compared_with"] == "parent"
    assert report["top1_changed"]["value"] == np.mean([one != other for one, other in zip(ours, theirs, strict=True)])
    falls = [
        _match(data.categories, query, one) - _match(data.categories, query, other)
        for query, one, other in zip(queries, ours, theirs, strict=True)
    ]
    assert report["guard"]["category_match"]["value"] == pytest.approx(np.nanmean(falls))
    assert report["guard"]["category_match"]["queries"] == np.count_nonzero(~np.isnan(falls))
    assert report["guard"]["may_fall"] == 0.1
    assert vote_report(data, split, child, [child])["top1_changed"]["value"] == 0.0


def test_what_the_folds_say_is_told_beside_what_was_held_out() -> None:
    data, split = _crowd()
    pairs = data.ballots.where(split.learn).summed_pairs()
    scores = np.random.default_rng(6).normal(size=len(pairs))
    report = vote_report(data, split, _answers("child", 0), [], fresh=Scored(scores, pairs))
    assert report["both"]["fresh"] == {
        "vote_auc": vote_auc(scores, pairs).as_json(),
        "within_query": within_query(scores, pairs).as_json(),
    }


def _asked_of_another_domain(askers: int) -> tuple[VoteData, VoteSplit, Floats32]:
    """Items that ask, all held out, and twelve answers, three of each category, exactly where they belong."""
    items = askers + 12
    kinds = np.arange(items) % 4
    data = votes_of(world(12), votes=60)
    data = replace(
        data,
        keys=[f"item-{row}" for row in range(items)],
        sha256s=[f"{row:064x}" for row in range(items)],
        products=[None] * items,
        categories=[f"kind-{kind}" for kind in kinds.tolist()],
        answers=[row >= askers for row in range(items)],
    )
    nobody = np.zeros(len(data.ballots), dtype=np.bool_)
    vectors = np.eye(4)[kinds] + 0.1 * np.random.default_rng(1).normal(size=(items, 4))
    return data, VoteSplit(nobody, nobody, np.ones(items, dtype=np.bool_), {}), vectors.astype(np.float32)


@pytest.mark.parametrize(("share", "holds"), [(0.0, True), (0.08, True), (0.15, False), (0.4, False)])
def test_the_guard_holds_unless_the_fall_is_surely_more_than_a_tenth(share: float, holds: bool) -> None:
    """Of 400 queries so many ask from another category's place: 15 in 100 fall by 11 to 19 in 100."""
    data, split, vectors = _asked_of_another_domain(400)
    fallen = vectors.copy()
    fallen[: int(400 * share)] = np.roll(fallen[: int(400 * share)], 1, axis=1)
    report = vote_report(data, split, Answering("child", fallen, "cosine"), [Answering("parent", vectors, "cosine")])
    assert report["guard"]["category_match"]["value"] == pytest.approx(-share)
    assert report["guard"]["holds"] is report["guard_holds"] is holds


def test_a_guard_without_a_known_category_holds() -> None:
    data, split, vectors = _asked_of_another_domain(40)
    data = replace(data, categories=[None] * 52)
    report = vote_report(data, split, Answering("child", -vectors, "cosine"), [Answering("parent", vectors, "cosine")])
    assert report["guard"]["category_match"]["value"] is None
    assert report["guard_holds"] is True


@pytest.mark.parametrize("parents", [0, 1])
def test_vectors_that_all_point_the_same_way_are_never_let_in(parents: int) -> None:
    data, split, vectors = _asked_of_another_domain(40)
    same = Answering("child", np.ones_like(vectors), "cosine")
    report = vote_report(data, split, same, [same] * parents)
    assert report["collapse"]["collapsed"] is True
    assert report["collapse"]["warnings"]
    assert report["guard_holds"] is False
    assert vote_report(data, split, Answering("child", vectors, "cosine"), [])["guard_holds"] is True


def test_of_more_than_1000_queries_so_many_are_drawn_by_the_seed() -> None:
    data, split, vectors = _asked_of_another_domain(1_001)
    drawn = np.random.default_rng(0).choice(1_001, 1_000, replace=False)
    [left_out] = set(range(1_001)) - set(drawn.tolist())
    unknown = [None if row == left_out else label for row, label in enumerate(data.categories)]

    def counted(categories: list[str | None], **seeds: int) -> int:
        asked = replace(data, categories=categories)
        line = vote_report(asked, split, Answering("child", vectors, "cosine"), [], **seeds)["lines"][0]
        return int(line["category_match"]["queries"])

    assert counted(list(data.categories)) == 1_000
    # Only who is asked about can lack a category.
    assert [counted(unknown), counted(unknown, seed=0), counted(unknown, seed=1)] == [1_000, 1_000, 999]


def test_without_a_held_out_item_nothing_is_asked() -> None:
    data, split = _crowd()
    none = replace(split, held_out=np.zeros(90, dtype=np.bool_))
    report = vote_report(data, none, _answers("child", 0), [_answers("parent", 1)])
    assert report["lines"][0]["category_match"] is report["lines"][0]["product_recall_at_1"] is None
    assert report["top1_changed"] is None
    assert report["compared_with"] == "parent"
    assert "guard" not in report
    assert report["guard_holds"] is True
