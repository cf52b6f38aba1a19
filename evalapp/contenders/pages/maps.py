"""Maps in the lab: the list, asking for one, and one to look at."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.admin.views.decorators import staff_member_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from evalapp.catalog.queries import catalogue_named, catalogues_with_counts
from evalapp.catalog.services.renditions import picture_url
from evalapp.contenders.models import EmbeddingMap
from evalapp.contenders.queries.registered_models import registered_models
from evalapp.contenders.services import projections as drawings
from evalapp.core.domain.errors import NotFound, Problem
from evalapp.core.domain.values.whole_numbers import MOST_STORED, whole_number
from evalapp.core.queries import job_line
from evalapp.core.tasks import begin
from models_registry.projection import LEAST, MOST

_MAPS_SHOWN = 100
_ROWS_SHOWN = 100


@require_safe
@staff_member_required
def list_maps(request: HttpRequest) -> HttpResponse:
    """The newest maps, and the form that asks for another."""
    texts = [
        model["name"] if len(model["taps"]) == 1 else f"{model['name']}.{tap['name']}"
        for model in registered_models()
        for tap in model["taps"]
    ]
    context = {
        "maps": drawings.all_maps()[:_MAPS_SHOWN],
        "catalogues": catalogues_with_counts(),
        "embeddings": texts,
        "usual": drawings.USUAL,
        "least": LEAST,
        "most": MOST,
    }
    return render(request, "contenders/maps.html", context)


@require_POST
@staff_member_required
def new_map(request: HttpRequest) -> HttpResponse:
    """Ask a worker for a map."""
    try:
        number = request.POST.get("items", "")
        drawing = drawings.request_map(
            catalogue_named(request.POST.get("catalogue", "")),
            request.POST.get("embedding", ""),
            items=whole_number(number, 0, MOST_STORED) or 0,
        )
    except Problem as problem:
        messages.error(request, problem.message)
        return redirect("lab-maps")
    begin(drawing.job)
    return redirect("lab-map", drawing.pk)


@require_safe
@staff_member_required
def one_map(request: HttpRequest, map_id: int) -> HttpResponse:
    """The map, drawn by the page from its points, and the same as a table, `?from=N` on."""
    drawing = _map_or_404(map_id)
    places = drawings.places_of(drawing)
    text = request.GET.get("from", "")
    start = min(int(text), len(places)) if text.isdecimal() and len(text) < 9 else 0
    context = {
        "map": drawing,
        "job": job_line(drawing.job_id) if drawing.job_id and not drawing.is_drawn else None,
        "count": len(places),
        "places": places[start : start + _ROWS_SHOWN],
        "start": start,
        "next": start + _ROWS_SHOWN if start + _ROWS_SHOWN < len(places) else 0,
    }
    return render(request, "contenders/map.html", context)


@require_safe
@staff_member_required
def list_points(_request: HttpRequest, map_id: int) -> JsonResponse:
    """What the page draws: `[{"x", "y", "key", "category", "image"}]`."""
    return JsonResponse({"places": [_point_document(place) for place in drawings.places_of(_map_or_404(map_id))]})


def _point_document(place: drawings.Place) -> dict[str, Any]:
    return {
        "x": round(place.x, 4),
        "y": round(place.y, 4),
        "key": place.item.key,
        "category": place.item.category,
        "product": place.item.product,
        "image": picture_url(place.item.shown.public_id),
        "shape": place.item.shown.width / place.item.shown.height,
    }


def _map_or_404(map_id: int) -> EmbeddingMap:
    try:
        return drawings.map_by_id(map_id)
    except NotFound as problem:
        raise Http404(problem.message) from problem
