"""The operators' pages of training runs."""

from __future__ import annotations

from typing import Any

from django.contrib.admin.views.decorators import staff_member_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from evalapp.core.errors import NotFound
from evalapp.training import queries
from evalapp.training.drawing import HEIGHT, WIDTH, maps_of, plots_of
from evalapp.training.family import family_of
from evalapp.training.models import Retraining, TrainingRun

_RUNS_SHOWN = 100


@require_safe
@staff_member_required
def runs(request: HttpRequest) -> HttpResponse:
    """The newest runs."""
    return render(request, "training/runs.html", {"runs": queries.training_runs()[:_RUNS_SHOWN]})


@require_safe
@staff_member_required
def run(request: HttpRequest, run_id: int) -> HttpResponse:
    """One run: its curves and maps while it learns, then its tables and its best and worst answers."""
    try:
        found = queries.run_by_id(run_id)
    except NotFound as problem:
        raise Http404(problem.message) from problem
    epochs = queries.history_of(found)
    pairs = found.metrics.get("neighbours", {})
    keys = {key for row in epochs[-1:] for key, *_ in row.points}
    keys |= {
        pair[side] for kind in ("best", "worst") for pair in pairs.get(kind, []) for side in ("query", "candidate")
    }
    items = queries.items_of(found, keys)
    categories = {key: item.category for key, item in items.items()}
    shown = {
        "run": found,
        "plots": plots_of(epochs),
        "maps": maps_of(epochs, categories),
        "tables": _tables(found),
        "answers": [(kind, _pairs(pairs.get(kind, []), items)) for kind in ("best", "worst") if pairs.get(kind)],
        "turn": Retraining.objects.filter(run=found).select_related("following").first(),
        "width": WIDTH,
        "height": HEIGHT,
    }
    return render(request, "training/run.html", shown)


@require_safe
@staff_member_required
def lineage(request: HttpRequest, run_id: int) -> HttpResponse:
    """Where the run's encoder comes from."""
    try:
        found = queries.run_by_id(run_id)
    except NotFound as problem:
        raise Http404(problem.message) from problem
    return render(request, "training/lineage.html", {"run": found, "tree": family_of(found)})


def _tables(found: TrainingRun) -> list[dict[str, Any]]:
    """The run's tables of measures with the names of their columns."""
    tables = []
    for name, table in found.metrics.items():
        if name.startswith("table") and isinstance(table, dict):
            columns = list(dict.fromkeys(score for line in table["lines"] for score in line["scores"]))
            lines = [
                {"name": line["name"], "cells": [line["scores"].get(column) for column in columns]}
                for line in table["lines"]
            ]
            title = name.removeprefix("table").strip() or found.metrics.get("way") or "all pictures"
            tables.append({**table, "title": title, "columns": columns, "lines": lines})
    return tables


def _pairs(pairs: list[dict[str, Any]], items: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"query": items[pair["query"]], "candidate": items[pair["candidate"]], "distance": pair["distance"]}
        for pair in pairs
        if pair["query"] in items and pair["candidate"] in items
    ]
