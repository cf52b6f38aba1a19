"""What is measured of engines, and the choice that follows from it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from models_registry.index import EngineReport, automatic_engine, choose_engine, evaluate_index
from models_registry.store import Vectors
from tests.models_registry.index.gallery import families

if TYPE_CHECKING:
    from models_registry.metrics import Metric


def report(engine: str, **changed: object) -> EngineReport:
    plain = EngineReport(
        engine=engine,
        metric="cosine",
        rows=100_000,
        dim=1_280,
        recall=0.99,
        queries_per_cpu_second=800,
        over_exact=20,
        batched=900,
        p50_ms=1,
        p99_ms=2,
        build_cpu_seconds=5,
        memory_bytes=30,
        memory_share=0.06,
        filters=(),
    )
    return replace(plain, **changed)  # type: ignore[arg-type]


def test_engines_are_measured_on_the_vectors_given() -> None:
    vectors = Vectors.from_array(families(6_000, 32))
    metrics: list[Metric] = ["cosine", "hamming"]
    found = evaluate_index(vectors, metrics=metrics, engines=["exact", "faiss"], shares=(0.26, 0.001))
    assert [(one.engine, one.metric) for one in found.reports] == [
        ("exact", "cosine"),
        ("faiss:rabitq", "cosine"),
        ("exact", "hamming"),
        ("faiss:rabitq", "hamming"),
    ]
    exact, faiss, *bits = found.reports
    assert not found.sampled
    assert exact.recall == 1
    assert all(one.recall == 1 for one in bits)
    assert 0.97 <= faiss.recall <= 1
    assert faiss.memory_bytes < exact.memory_bytes
    assert [one.share for one in faiss.filters] == [0.26, 0.001]
    assert all(one.recall >= 0.98 and one.queries_per_cpu_second > 0 for one in faiss.filters)
    assert all(one.build_cpu_seconds >= 0 and one.p50_ms <= one.p99_ms and one.batched > 0 for one in found.reports)
    assert faiss.to_json()["filters"][1]["share"] == 0.001


def test_with_more_effort_more_is_found_and_reports_survive_json() -> None:
    vectors = Vectors.from_array(families(6_000, 32))
    found = evaluate_index(vectors, metrics=["cosine"], engines=["exact", "faiss"], shares=(), efforts=(0.01, 1, 100))
    exact, faiss = found.reports
    assert exact.efforts == ()
    assert [one.effort for one in faiss.efforts] == [0.01, 1, 100]
    least, usual, most = (one.recall for one in faiss.efforts)
    assert least < usual <= most
    assert usual == faiss.recall
    assert all(one.over_exact > 0 for one in faiss.efforts)
    for report in found.reports:
        assert EngineReport.from_json(json.loads(json.dumps(report.to_json()))) == report


def test_photographs_that_are_not_in_the_catalogue_may_ask() -> None:
    vectors = families(300, 16)
    found = evaluate_index(
        Vectors.from_array(vectors), metrics=["l2"], engines=["exact"], queries=vectors[:30] + 0.1, shares=()
    )
    assert found.reports[0].recall == 1


def test_the_engine_of_least_memory_that_is_good_enough_is_chosen() -> None:
    chosen = choose_engine([report("faiss:sq8", memory_bytes=120), report("faiss:rabitq"), report("exact")])
    assert chosen.settings.label == "faiss:rabitq"
    assert chosen.reason == "faiss:rabitq is 20 times as fast as exact at a recall of 0.990, in the least memory."


@pytest.mark.parametrize("bad", [{"recall": 0.97}, {"over_exact": 9.9}])
def test_one_metric_in_which_an_engine_is_not_good_enough_rules_it_out(bad: dict[str, float]) -> None:
    reports = [report("faiss:rabitq"), report("faiss:rabitq", metric="l2", **bad), report("faiss:sq8", memory_bytes=99)]
    assert choose_engine(reports).settings.label == "faiss:sq8"
    assert choose_engine(reports[:2]).settings.label == "exact"
    assert "No engine is 10 times as fast" in choose_engine(reports[:2]).reason


def test_bits_are_scanned_anyway_and_decide_nothing() -> None:
    assert choose_engine(
        [report("faiss:rabitq"), report("faiss:rabitq", metric="hamming", over_exact=1)]
    ).settings.label == ("faiss:rabitq")


def test_a_small_catalogue_is_compared_whole_without_measuring() -> None:
    assert automatic_engine(Vectors.from_array(families(300, 16)), ["cosine"]).settings.label == "exact"
    assert choose_engine([report("faiss:rabitq", rows=31_000)]).settings.label == "exact"
    assert choose_engine([report("faiss:rabitq", rows=32_000)]).settings.label == "faiss:rabitq"
