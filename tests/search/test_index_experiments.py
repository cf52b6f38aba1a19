"""Index experiments: measured piece by piece, kept, drawn, and obeyed by `auto`."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client
from rest_framework.test import APIClient

from evalapp.core.domain.errors import InvalidInput
from evalapp.core.models import Job
from evalapp.core.pipeline.chunk_work import work_on
from evalapp.search.models import IndexExperiment, SearchIndex
from evalapp.search.pipeline import index_evaluations
from evalapp.search.queries.index_experiments import described_experiment
from evalapp.search.services.index_experiments import job_of, keep_report, request_experiment
from models_registry.index import engine_choice
from models_registry.store import Vectors
from tests.models_registry.index.gallery import families

pytestmark = [pytest.mark.django_db, pytest.mark.database]

ADDRESS = "/api/v1/indexes/shop/experiments/"


@pytest.fixture(autouse=True)
def _enough_vectors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twelve pictures are a shop, but no gallery: the vectors that are measured are others."""
    monkeypatch.setattr(index_evaluations, "_stored_vectors", lambda _index: Vectors.from_array(families(3_000, 16)))


def done(experiment: IndexExperiment) -> IndexExperiment:
    work_on(job_of(experiment).pk)
    experiment.refresh_from_db()
    return experiment


def report(engine: str, **changed: Any) -> dict[str, Any]:
    plain = {
        "engine": engine, "metric": "cosine", "rows": 100_000, "dim": 1_280, "recall": 0.99, "over_exact": 20.0,
        "queries_per_cpu_second": 800.0, "batched": 900.0, "p50_ms": 1.0, "p99_ms": 2.0, "build_cpu_seconds": 5.0,
        "memory_bytes": 30, "memory_share": 0.06, "filters": [], "efforts": [],
    }  # fmt: skip
    return {**plain, **changed}


def kept(index: SearchIndex, *reports: dict[str, Any]) -> IndexExperiment:
    """An experiment that is whole, with these reports in both of the shop's metrics."""
    experiment = request_experiment(index)
    for one in reports:
        for metric in index.metrics:
            keep_report(experiment.pk, {**one, "metric": metric}, rows=one["rows"], is_sampled=False)
    Job.objects.filter(pk=job_of(experiment).pk).update(state="done")
    IndexExperiment.objects.filter(pk=experiment.pk).update(done_at="2026-01-01T00:00Z", choice="faiss:sq8")
    return experiment


def test_every_engine_is_measured_under_every_metric_and_what_was_found_is_kept(index: SearchIndex) -> None:
    experiment = done(request_experiment(index, ["exact", "faiss"]))
    assert Job.objects.get(pk=experiment.job_id).state == "done"
    told = described_experiment(experiment)
    assert [(one["metric"], one["engine"]) for one in told["reports"]] == [
        ("cosine", "exact"), ("cosine", "faiss:rabitq"), ("l1", "exact"), ("l1", "faiss:rabitq")
    ]  # fmt: skip
    assert (told["rows"], told["sampled"], told["choice"]) == (3_000, False, "exact")
    efforts = told["reports"][1]["efforts"]
    assert efforts[0]["recall"] <= efforts[-1]["recall"]
    assert told["reason"] == "It is small enough to compare everything."


def test_the_same_piece_done_twice_is_kept_once(index: SearchIndex) -> None:
    experiment = request_experiment(index)
    for recall in (0.5, 0.9):
        keep_report(experiment.pk, report("exact", recall=recall), rows=10, is_sampled=False)
    experiment.refresh_from_db()
    assert [one["recall"] for one in experiment.reports] == [0.9]


def test_who_asks_twice_joins_the_one_under_way_and_old_ones_go(index: SearchIndex) -> None:
    first = request_experiment(index)
    assert request_experiment(index, ["exact"]) == first
    for _ in range(12):
        Job.objects.update(state="done")
        newest = request_experiment(index)
    assert index.experiments.count() == 10
    assert index.experiments.first() == newest


def test_an_engine_whose_server_is_missing_is_left_out_with_a_reason(index: SearchIndex) -> None:
    experiment = done(request_experiment(index, ["exact", "milvus"]))
    job = Job.objects.get(pk=experiment.job_id)
    assert job.state == "done with errors"
    assert {one["engine"] for one in experiment.reports} == {"exact"}
    assert experiment.choice == "exact"


def test_auto_goes_by_what_was_measured_and_measures_itself_where_that_is_out_of_date(
    index: SearchIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors = Vectors.from_array(families(300, 16))
    measured: list[int] = []
    monkeypatch.setattr(engine_choice, "EXACT_COMPONENTS", 0)
    monkeypatch.setattr(
        index_evaluations, "automatic_engine",
        lambda *_words, **_more: measured.append(1) or engine_choice.EngineChoice(engine_choice.EngineSettings(), ""),
    )  # fmt: skip
    kept(index, report("faiss:rabitq", rows=300, recall=0.97), report("faiss:sq8", rows=300))
    assert index_evaluations.automatic_settings(index, vectors).label == "faiss:sq8"
    assert measured == []
    kept(index, report("faiss:sq8", rows=100))
    assert index_evaluations.automatic_settings(index, vectors).label == "exact"
    index.recall = 0.9
    assert index_evaluations.automatic_settings(index, vectors).label == "exact"
    assert measured == [1, 1]


def test_the_page_draws_it_beside_its_table(index: SearchIndex) -> None:
    browser = Client()
    browser.force_login(User.objects.create_superuser("olga"))
    page = browser.get("/lab/search/shop/").content.decode()
    assert "None was made yet." in page
    browser.post("/lab/search/shop/change/", {"measure": ""})
    assert "Being measured" in browser.get("/lab/search/shop/").content.decode()
    done(index.experiments.get())
    page = browser.get("/lab/search/shop/").content.decode()
    assert "auto takes exact." in page
    assert len(re.findall(r'<svg class="plot"', page)) == 4
    assert "2. faiss:rabitq" in page
    assert "Engines under l1" in page


def test_the_three_doors_know_the_same_words(index: SearchIndex, operator: APIClient) -> None:
    begun = operator.post(ADDRESS, {"engines": ["exact"]}, format="json")
    assert (begun.status_code, begun.json()["choice"]) == (202, None)
    done(index.experiments.get())
    (told,) = operator.get(ADDRESS).json()
    assert (told["choice"], [one["engine"] for one in told["reports"]]) == ("exact", ["exact", "exact"])
    assert operator.post(ADDRESS, {"engines": ["abacus"]}, format="json").status_code == 400
    with pytest.raises(InvalidInput, match="There is no engine 'abacus'"):
        request_experiment(index, ["abacus"])
    with pytest.raises(CommandError, match="There is no engine 'abacus'"):
        call_command("evaluate_index", "shop", "--engines", "abacus")
    assert APIClient().get(ADDRESS).status_code == 401
