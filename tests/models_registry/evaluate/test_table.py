"""The table of embeddings: the good above the bad, the control at chance, broken vectors without a score."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from models_registry.evaluate import (
    CONTROL,
    SCORES,
    Entry,
    Interval,
    Question,
    Table,
    bootstrap,
    compare_entries,
    coverage,
    hubness,
    map_at_r,
    measure_collapse,
    paired_difference,
    recall_at,
)


def clothes(products: int = 40, pictures: int = 3) -> tuple[Question, np.ndarray]:
    """Pictures of products in four categories, and vectors that know both."""
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((products, 16))
    vectors = np.repeat(centres, pictures, axis=0) + 0.1 * rng.standard_normal((products * pictures, 16))
    names: list[str | None] = [f"p{row // pictures}" for row in range(products * pictures)]
    kinds: list[str | None] = [f"c{row // pictures % 4}" for row in range(products * pictures)]
    rows = np.arange(len(names))
    return Question(rows, rows, kinds, names), vectors.astype(np.float32)


def table() -> Table:
    question, vectors = clothes()
    noise = np.random.default_rng(1).standard_normal(vectors.shape).astype(np.float32)
    broken = vectors.copy()
    broken[5] = np.nan
    entries = [Entry("raw", noise, "l2"), Entry("good", vectors, "l2"), Entry("broken", broken, "cosine")]
    return compare_entries(question, entries, baseline="raw", draws=300)


def test_the_good_beats_the_raw_by_a_margin_whose_interval_excludes_zero() -> None:
    found = table()
    assert (found.judge, found.queries, found.gallery) == ("product", 120, 120)
    good = found.line_named("good")
    assert good.scores["recall_at_1"].value == 1
    assert good.scores["map_at_r"].value == 1
    assert good.differences["recall_at_1"].excludes_zero
    assert found.line_named("raw").differences == {}
    assert set(good.scores) == set(SCORES)


def test_recall_rises_with_the_number_of_answers() -> None:
    for line in (table().line_named("raw"), table().line_named(CONTROL)):
        values = [line.scores[f"recall_at_{k}"].value for k in (1, 5, 10)]
        assert values == sorted(values)  # type: ignore[type-var]


def test_the_control_is_at_chance() -> None:
    control = table().line_named(CONTROL)
    assert control.scores["category_match"].low <= 29 / 119 <= control.scores["category_match"].high  # type: ignore[operator]
    assert control.metric is None
    assert control.collapse is None


def test_broken_vectors_have_a_reason_and_no_score() -> None:
    broken = table().line_named("broken")
    assert all(interval.value is None for interval in broken.scores.values())
    assert broken.collapse is not None
    assert not broken.collapse.finite


def test_without_products_the_category_judges() -> None:
    question, vectors = clothes()
    alone = Question(question.queries, question.gallery, question.categories, [None] * 120)
    found = compare_entries(alone, [Entry("good", vectors, "cosine")], draws=50)
    assert found.judge == "category"
    assert found.line_named("good").scores["recall_at_1"] == found.line_named("good").scores["category_match"]


def test_hidden_products_leave_the_category_to_judge() -> None:
    question, vectors = clothes()
    hiding = Question(question.queries, question.gallery, question.categories, question.products, hide_products=True)
    found = compare_entries(hiding, [Entry("good", vectors, "cosine")], draws=50)
    assert found.judge == "category"
    assert found.line_named("good").scores["category_match"].value < 0.7  # type: ignore[operator]


def test_equal_bytes_are_no_answer() -> None:
    _, vectors = clothes(products=1)
    question = Question(np.arange(3), np.arange(3), ["a"] * 3, ["p"] * 3, pictures=np.array([7, 7, 8]))
    answers = question.nearest_answers(vectors, "l2", 2)
    assert answers.top.tolist() == [2, 2, answers.top[2]]


def test_queries_and_gallery_may_be_two_domains() -> None:
    question, vectors = clothes()
    street, shop = np.arange(0, 120, 3), np.concatenate([np.arange(1, 120, 3), np.arange(2, 120, 3)])
    found = compare_entries(
        Question(street, shop, question.categories, question.products), [Entry("good", vectors, "l2")]
    )
    assert found.line_named("good").scores["recall_at_1"].value == 1
    assert (found.queries, found.gallery) == (40, 80)


def test_the_table_is_plain_json() -> None:
    document = json.loads(json.dumps(table().to_json()))
    assert [line["name"] for line in document["lines"]] == ["raw", "good", "broken", CONTROL]
    assert document["lines"][1]["differences"]["map_at_r"]["low"] > 0


def test_every_category_has_its_own_scores_and_they_make_up_the_whole() -> None:
    found = table()
    told = found.to_json()["categories"]
    assert sum(one["queries"] for one in told.values()) == found.queries
    for line in found.lines:
        if line.per_query:
            total = sum(one["queries"] * one["lines"][line.name]["recall_at_1"] for one in told.values())
            assert total / found.queries == pytest.approx(line.scores["recall_at_1"].value)
    assert "broken" not in next(iter(told.values()))["lines"]


def test_an_unknown_baseline_is_an_error() -> None:
    question, vectors = clothes()
    with pytest.raises(KeyError):
        compare_entries(question, [Entry("good", vectors, "l2")], baseline="gone")


def test_the_same_garments_next_photo_is_no_proof_of_knowing_categories() -> None:
    question, _ = clothes()
    rng = np.random.default_rng(2)
    products = np.repeat(rng.standard_normal((40, 16)), 3, axis=0) + 0.01 * rng.standard_normal((120, 16))

    found = compare_entries(question, [Entry("products", products.astype(np.float32), "l2")], draws=300).line_named(
        "products"
    )

    assert found.scores["recall_at_1"].value == 1
    assert found.scores["category_match"].value == pytest.approx(9 / 39, abs=0.2)


def test_who_asks_by_category_is_judged_by_category_though_products_are_known() -> None:
    question, vectors = clothes()
    asked = replace(question, hide_products=True)

    found = compare_entries(asked, [Entry("good", vectors, "l2")], draws=300)

    assert found.judge == "category"
    line = found.line_named("good")
    assert line.scores["recall_at_1"].value == line.scores["category_match"].value


def test_queries_of_one_product_stand_or_fall_together_and_others_alone() -> None:
    names = ["p", "q", None, "p", None, ""]
    rows = np.array([5, 4, 3, 2, 1, 0])
    clusters = Question(rows, rows, [None] * 6, names).product_clusters()
    assert clusters is not None
    assert clusters[2] == clusters[5]
    assert len(set(clusters.tolist())) == 5
    assert Question(rows, rows, [None] * 6, [None, ""] * 3).product_clusters() is None


def test_intervals_are_over_products_where_they_are_known() -> None:
    question, vectors = clothes()
    noisy = vectors + np.random.default_rng(1).normal(0, 1.5, vectors.shape).astype(np.float32)
    line = compare_entries(question, [Entry("noisy", noisy, "l2")], draws=300).line_named("noisy")
    by_product = bootstrap(line.per_query["recall_at_1"], clusters=np.arange(120) // 3, draws=300)
    assert line.scores["recall_at_1"] == by_product


@pytest.mark.parametrize(("wrong_rank", "is_seen"), [(1000, True), (1001, False)])
def test_the_order_of_the_first_thousand_answers_counts(wrong_rank: int, is_seen: bool) -> None:
    """One asks for pictures of its category, of which there are 1002; one other stands among them."""
    places = np.arange(1004, dtype=np.float32)[:, None]
    kinds: list[str | None] = ["dress"] * 1004
    kinds[wrong_rank] = "hat"
    question = Question(np.array([0]), np.arange(1, 1004), kinds, [None] * 1004)
    line = compare_entries(question, [Entry("line", places, "l2")], draws=5).line_named("line")
    assert (line.scores["map_at_r"].value < 1) == is_seen  # type: ignore[operator]


def test_the_sixty_commonest_categories_have_scores_of_their_own() -> None:
    kinds: list[str | None] = [f"c{number:02}" for number in range(61) for _ in range(3 if number else 2)]
    rows = np.arange(len(kinds))
    vectors = np.random.default_rng(0).standard_normal((len(kinds), 4)).astype(np.float32)
    question = Question(rows, rows, kinds, [None] * len(kinds))
    told = compare_entries(question, [Entry("noise", vectors, "l2")], draws=5).by_category()
    assert list(told) == [f"c{number:02}" for number in range(1, 61)]
    assert {one["queries"] for one in told.values()} == {3}


def test_a_score_that_no_query_of_a_category_has_is_none() -> None:
    rows = np.arange(5)
    question = Question(rows, rows, ["hat", "hat", "bag", "bag", "sock"], ["p", "p", "q", None, None])
    vectors = np.array([[0], [1], [5], [7], [20]], dtype=np.float32)
    told = compare_entries(question, [Entry("line", vectors, "l2")], draws=5).by_category()
    assert told["hat"]["lines"]["line"]["recall_at_1"] == 1.0
    assert told["bag"]["lines"]["line"]["recall_at_1"] is None
    assert told["bag"]["lines"]["line"]["category_match"] == 1.0


def test_the_control_too_is_judged_by_pictures_of_other_products() -> None:
    rows = np.arange(20)
    question = Question(rows, rows, ["hat"] * 10 + ["bag"] * 10, ["p"] * 10 + ["q"] * 10)
    control = compare_entries(question, [], draws=20).line_named(CONTROL)
    assert control.scores["category_match"].value == 0.0
    assert control.scores["recall_at_10"].value == 1.0


def noisy_entries(vectors: np.ndarray) -> list[Entry]:
    rng = np.random.default_rng(3)
    noise = [rng.normal(0, spread, vectors.shape).astype(np.float32) for spread in (1.5, 3.0)]
    return [Entry("some", vectors + noise[0], "l2"), Entry("more", vectors + noise[1], "cosine")]


@pytest.mark.parametrize("seed", [0, 5])
def test_a_table_is_made_of_what_its_parts_say(seed: int) -> None:
    """Each part can be had one by one; the table asks them of the same queries, by the same seed and draws."""
    question, vectors = clothes()
    entries = noisy_entries(vectors)
    found = compare_entries(question, entries, baseline="more", seed=seed, draws=40)
    resampled = {"clusters": np.arange(120) // 3, "draws": 40, "seed": seed}
    baseline = found.line_named("more").per_query
    without_products = replace(question, hide_products=True)
    for number, line in enumerate(found.lines):
        if line.name == CONTROL:
            answers = question.random_answers(10, seed=seed)
            matched = without_products.category_match(without_products.random_answers(1, seed=seed))
        else:
            entry = entries[number]
            answers = question.nearest_answers(entry.vectors, entry.metric, 10)
            matched = question.match_of_others(entry.vectors, entry.metric)
            assert (line.metric, line.collapse) == (entry.metric, measure_collapse(entry.vectors))
        hits = question.judge_answers(answers, "product")
        wanted = {"category_match": matched, **{f"recall_at_{k}": recall_at(hits, k) for k in (1, 5, 10)}}
        wanted["map_at_r"] = map_at_r(hits)
        assert list(line.per_query) == list(wanted) == list(SCORES)
        for name, values in wanted.items():
            np.testing.assert_array_equal(line.per_query[name], values)
            assert line.scores[name] == bootstrap(values, **resampled)
            if line.name != "more":
                assert line.differences[name] == paired_difference(values, baseline[name], **resampled)
        assert (line.hubness, line.coverage) == (hubness(answers), coverage(answers, 120))
    assert [line.name for line in found.lines] == ["some", "more", CONTROL]
    assert [bool(line.differences) for line in found.lines] == [True, False, True]


def test_the_first_seed_two_thousand_draws_and_no_baseline_are_what_nothing_said_means() -> None:
    question, vectors = clothes(products=12)
    entries = noisy_entries(vectors)
    found = compare_entries(question, entries)
    same = compare_entries(question, entries, seed=0, draws=2000)
    assert found.to_json() == same.to_json() != compare_entries(question, entries, seed=1).to_json()
    assert found.baseline is None
    assert all(line.differences == {} for line in found.lines)


def test_an_entry_without_scores_counts_no_query_and_differs_from_nobody() -> None:
    broken = table().line_named("broken")
    assert broken.scores == dict.fromkeys(SCORES, Interval(None, None, None, 0))
    assert (broken.differences, broken.hubness, broken.coverage) == ({}, None, None)
    question, vectors = clothes(products=8)
    against_broken = compare_entries(
        question,
        [Entry("broken", np.full_like(vectors, np.inf), "l2"), Entry("good", vectors, "l2")],
        baseline="broken",
        draws=5,
    )
    assert against_broken.line_named("good").differences == {}
    assert against_broken.line_named("good").scores["recall_at_1"].value == 1


def test_a_line_is_printed_without_the_values_of_every_query_and_its_json_has_none() -> None:
    good = table().line_named("good")
    assert "per_query" not in repr(good)
    told = good.to_json()
    assert list(told) == ["name", "metric", "scores", "differences", "hubness", "coverage", "collapse"]
    assert told["collapse"]["count"] == 120
    assert table().line_named(CONTROL).to_json()["collapse"] is None


def test_a_line_of_another_name_is_not_found() -> None:
    with pytest.raises(KeyError, match="gone"):
        table().line_named("gone")


def test_as_many_answers_are_searched_as_the_largest_category_has() -> None:
    """Fourteen right answers, more than any rank counted: mAP@R sees the mistake at the fourteenth place."""
    places = np.arange(16, dtype=np.float32)[:, None]
    kinds: list[str | None] = [*["hat"] * 14, "bag", "hat"]
    question = Question(np.array([0]), np.arange(16), kinds, [None] * 16)
    line = compare_entries(question, [Entry("line", places, "l2")], draws=5).line_named("line")
    assert line.scores["map_at_r"].value == pytest.approx(13 / 14)
