"""The operators' pages of training runs."""

from __future__ import annotations

from typing import Any

from django.contrib.admin.views.decorators import staff_member_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from evalapp.core.domain.errors import NotFound
from evalapp.core.queries import job_line, newest_job
from evalapp.studies.models import Study
from evalapp.training.models import Retraining, TrainingRun
from evalapp.training.pages.lineage_graph import family_of
from evalapp.training.pages.run_plots import maps_of, plots_of
from evalapp.training.queries import training_runs
from evalapp.training.services.checkpoints import packed_checkpoint
from evalapp.training.services.voter_tastes import matches_of, switch_taste, taste_of
from evalapp.voting.queries.voter_identity import known_voter


@require_safe
@staff_member_required
def run_page(request: HttpRequest, run_id: int) -> HttpResponse:
    """One run: its curves and maps while it learns, then its tables and its best and worst answers."""
    try:
        run = training_runs.run_by_id(run_id)
    except NotFound as problem:
        raise Http404(problem.message) from problem
    epochs = training_runs.history_of(run)
    pairs = run.metrics.get("neighbours", {})
    keys = {key for row in epochs[-1:] for key, *_ in row.points}
    keys |= {
        pair[side] for kind in ("best", "worst") for pair in pairs.get(kind, []) for side in ("query", "candidate")
    }
    items = training_runs.items_of(run, keys)
    categories = {key: item.category for key, item in items.items()}
    context = {
        "run": run,
        "plots": plots_of(epochs),
        "maps": maps_of(epochs, categories),
        "tables": _score_tables(run),
        "answers": [(kind, _answer_pairs(pairs.get(kind, []), items)) for kind in ("best", "worst") if pairs.get(kind)],
        "job": job_line(run.job_id) if run.job_id else None,
        "packing": newest_job("checkpoint", run.target),
        "is_packed": packed_checkpoint(run).is_file(),
        "quantising": newest_job("quantise", run.target),
        "is_packed_small": packed_checkpoint(run, quantised=True).is_file(),
        "walk": training_runs.walk_of(run) is not None,
        "turn": Retraining.objects.filter(run=run).select_related("following").first(),
    }
    return render(request, "training/run.html", context)


@require_safe
@staff_member_required
def lineage_page(request: HttpRequest, run_id: int) -> HttpResponse:
    """Where the run's encoder comes from."""
    try:
        run = training_runs.run_by_id(run_id)
    except NotFound as problem:
        raise Http404(problem.message) from problem
    return render(request, "training/lineage.html", {"run": run, "tree": family_of(run)})


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def taste_page(request: HttpRequest, slug: str) -> HttpResponse:
    """A voter's own Dope or Nope: matches that suit them, and the switch. It is about the cookie's voter alone."""
    study = Study.objects.filter(slug=slug, opened_at__isnull=False).select_related("catalogue", "previous").first()
    if study is None:
        raise Http404(f"There is no study {slug}.")
    voter = known_voter(request)
    if request.method == "POST":
        if voter is not None:
            switch_taste(voter, off=request.POST.get("taste") == "off")
        return redirect("taste", slug=slug)
    taste = None if voter is None else taste_of(voter, study)
    matches = matches_of(taste) if taste is not None and not taste.switched_off else []
    return render(request, "training/taste.html", {"study": study, "taste": taste, "matches": matches})


def _score_tables(run: TrainingRun) -> list[dict[str, Any]]:
    """The run's tables of measures with the names of their columns."""
    tables = []
    for name, table in run.metrics.items():
        if name.startswith("table") and isinstance(table, dict):
            columns = list(dict.fromkeys(score for line in table["lines"] for score in line["scores"]))
            lines = [
                {"name": line["name"], "cells": [line["scores"].get(column) for column in columns]}
                for line in table["lines"]
            ]
            title = name.removeprefix("table").strip() or run.metrics.get("way") or "all pictures"
            by_category = _by_category(table, columns)
            tables.append({**table, "title": title, "columns": columns, "lines": lines, "by_category": by_category})
    return tables


def _by_category(table: dict[str, Any], columns: list[str]) -> list[dict[str, Any]]:
    """What was trained beside the raw features, a row per category, the worst found first by the last score."""
    names = [line["name"] for line in table["lines"]]
    columns_shown = [
        name for name in (table.get("baseline"), next((n for n in names if n.startswith("trained")), None)) if name
    ]
    rows = [
        {
            "category": category,
            "queries": counts["queries"],
            "cells": [counts["lines"].get(name, {}).get(column) for column in columns for name in columns_shown],
            "headings": [f"{column}, {name}" for column in columns for name in columns_shown],
        }
        for category, counts in table.get("categories", {}).items()
    ]
    return sorted(rows, key=lambda row: (row["cells"][-1] is None, row["cells"][-1] or 0.0, row["category"]))


def _answer_pairs(pairs: list[dict[str, Any]], items: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"query": items[pair["query"]], "candidate": items[pair["candidate"]], "distance": pair["distance"]}
        for pair in pairs
        if pair["query"] in items and pair["candidate"] in items
    ]
