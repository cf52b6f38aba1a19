"""Indexes in the lab: the list, one with its generations, and encoders side by side."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.admin.views.decorators import staff_member_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from evalapp.catalog.queries import catalogues_with_counts
from evalapp.contenders.queries.region_networks import region_networks
from evalapp.contenders.queries.registered_models import registered_models
from evalapp.core.domain.errors import InvalidInput, NotFound, Problem
from evalapp.core.domain.job_targets import target_of
from evalapp.core.queries import newest_job
from evalapp.core.tasks import begin
from evalapp.plots.sparkline import sparkline_points
from evalapp.search.models import SearchIndex
from evalapp.search.pages.experiments import experiment_view
from evalapp.search.queries import service_client
from evalapp.search.queries.comparisons import compared_by_item, compared_by_photo
from evalapp.search.queries.live_tests import described_test, live_tests_of
from evalapp.search.queries.photo_uploads import held_in_memory, small_picture
from evalapp.search.queries.search_indexes import generations_of, identification_of, index_named, lag_of, search_indexes
from evalapp.search.services import search_indexes as services
from evalapp.search.services.index_experiments import request_experiment
from evalapp.search.services.live_tests import close_live_test, open_live_test, open_test_of
from models_registry.metrics import METRICS


@require_safe
@staff_member_required
def index_list(request: HttpRequest) -> HttpResponse:
    """All indexes, how they are doing, and the form that makes another."""
    choices = [
        model["name"] if len(model["taps"]) == 1 else f"{model['name']}.{tap['name']}"
        for model in registered_models()
        for tap in model["taps"]
    ]
    context = {
        "lines": [(index, lag_of(index)) for index in search_indexes()],
        "catalogues": catalogues_with_counts(),
        "encoders": choices,
        "metrics": ["cosine", *(metric for metric in METRICS if metric != "cosine")],
        "engines": services.ENGINES,
        "regions": region_networks(),
        "is_ready": service_client.is_ready(0.5),
    }
    return render(request, "search/indexes.html", context)


@require_POST
@staff_member_required
def new_index(request: HttpRequest) -> HttpResponse:
    """Make an index and have it built."""
    plan = services.IndexPlan(
        slug=request.POST.get("slug", ""),
        catalogue=request.POST.get("catalogue", ""),
        encoder=request.POST.get("encoder", ""),
        metrics=[request.POST.get("metric", "")],
        engine=request.POST.get("engine", ""),
        gallery_domain=request.POST.get("domain", ""),
        is_public="public" in request.POST,
        locator=request.POST.get("locator", ""),
        masker=request.POST.get("masker", ""),
    )
    try:
        index = services.create_index(plan)
    except Problem as problem:
        messages.error(request, problem.message)
        return redirect("lab-search")
    begin(services.request_build(index))
    messages.success(request, "The index is being built.")
    return redirect("lab-search-index", index.slug)


@require_safe
@staff_member_required
def one_index(request: HttpRequest, slug: str) -> HttpResponse:
    """One index: what serves, how far behind it is, and what was built."""
    index = _index_or_404(slug)
    alive = getattr(index, "alive", [])
    context = {
        "index": index,
        "lag": lag_of(index),
        "replicas": [
            {
                "replica": replica,
                "points": sparkline_points(replica.latencies),
                "latest": replica.latencies[-1] if replica.latencies else None,
                "behind": max(0, index.catalogue.last_change - replica.applied_change),
            }
            for replica in alive
        ],
        "generations": generations_of(index),
        "build": newest_job("index", target_of("index", index.pk)),
        "experiment": experiment_view(index),
        "live_tests": [described_test(test) for test in live_tests_of(index)],
        "locators": region_networks("locator"),
        "identification": identification_of(index),
        "is_tested": open_test_of(index) is not None,
        "others": [
            other.slug
            for other in search_indexes().filter(catalogue=index.catalogue, serving__isnull=False)
            if other.pk != index.pk
        ],
    }
    return render(request, "search/index.html", context)


@require_POST
@staff_member_required
def change_index(request: HttpRequest, slug: str) -> HttpResponse:
    """Build, measure, go back, let visitors in or keep them out, or delete: what the button says."""
    index = _index_or_404(slug)
    try:
        if "build" in request.POST:
            begin(services.request_build(index))
            messages.success(request, "The next generation is being built; this one serves until it is verified.")
        elif "measure" in request.POST:
            begin(request_experiment(index).job)
            messages.success(request, "Its engines are being measured, one after the other.")
        elif "serve" in request.POST:
            number = request.POST["serve"]
            chosen = services.go_back(index, int(number) if number.isdecimal() and len(number) < 9 else 0)
            messages.success(request, f"Generation {chosen.number} serves now.")
        elif "public" in request.POST:
            services.publish_index(index, is_public=request.POST["public"] == "yes")
        elif "locator" in request.POST:
            services.choose_locator(index, request.POST["locator"])
            messages.success(request, "Photos get other suggestions from now on.")
        elif "against" in request.POST:
            open_live_test(index, index_named(request.POST["against"]))
            messages.success(request, "Whoever searches in it gets answers of both from now on, mixed and blind.")
        elif "end_test" in request.POST:
            close_live_test(index)
        elif "delete" in request.POST:
            services.delete_index(index)
            messages.success(request, f"The index {slug} is gone; its items and votes stay.")
            return redirect("lab-search")
    except Problem as problem:
        messages.error(request, problem.message)
    return redirect("lab-search-index", slug)


@held_in_memory
@require_http_methods(["GET", "HEAD", "POST"])
@staff_member_required
def compare_indexes(request: HttpRequest, slug: str) -> HttpResponse:
    """One question, every index of the catalogue side by side, beside what attributes alone would answer.

    A photo is sent, held in memory, and answered at once.
    """
    index = _index_or_404(slug)
    key = request.GET.get("item", "")
    context: dict[str, Any] = {"index": index, "item": None, "columns": [], "key": key}
    try:
        if request.method == "POST":
            photo = request.FILES.get("photo")
            if photo is None:
                raise InvalidInput("Choose a photo first.")
            data = photo.read()
            context |= {**compared_by_photo(index, data), "photo": small_picture(data)}
        else:
            context |= compared_by_item(index, key)
    except Problem as problem:
        context["problem"] = problem.message
    return render(request, "search/compare.html", context)


def _index_or_404(slug: str) -> SearchIndex:
    try:
        return search_indexes().get(pk=index_named(slug).pk)
    except NotFound as problem:
        raise Http404(problem.message) from problem
