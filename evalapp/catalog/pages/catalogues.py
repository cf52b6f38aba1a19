"""The operators' list of catalogues, and one catalogue with its items, categories and flags."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.admin.views.decorators import staff_member_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from evalapp.catalog import queries
from evalapp.catalog.models import Catalogue, FlagReason
from evalapp.catalog.services import item_flags, triplets
from evalapp.catalog.services.catalogues import needed_by
from evalapp.catalog.services.items import remove_items
from evalapp.catalog.services.withdraw_pictures import withdraw_pictures
from evalapp.core.domain.errors import NotFound, Problem
from evalapp.core.queries import job_line

_SHOWN = 48
_CATEGORIES = 200


@require_safe
@staff_member_required
def list_catalogues(request: HttpRequest) -> HttpResponse:
    """The catalogues with their numbers of pictures and of flags; `?archived` shows those that were put away."""
    rows = queries.catalogues_with_flags()
    archived = "archived" in request.GET
    context = {
        "catalogues": rows.filter(archived_at__isnull=not archived),
        "archived": archived,
        "away": rows.filter(archived_at__isnull=False).count(),
    }
    return render(request, "catalog/catalogues.html", context)


@require_safe
@staff_member_required
def show_catalogue(request: HttpRequest, slug: str) -> HttpResponse:
    """One page of the items, all of them or of `?category=`, or those with `?flags=active`; `?after=KEY` reads on."""
    row = catalogue_or_404(slug)
    filters = {name: request.GET[name] for name in ("category", "flags") if name in request.GET}
    items = queries.items_page(
        row,
        after=request.GET.get("after", ""),
        limit=_SHOWN + 1,
        category=filters.get("category"),
        flagged=filters.get("flags") == "active",
    )
    more = len(items) > _SHOWN
    items = items[:_SHOWN]
    counts = queries.category_counts(row)
    last_import = row.imports.first()
    dependents = needed_by(row)
    context = {
        "catalogue": row,
        "items": items,
        "total": sum(count.items for count in counts),
        "categories": counts[:_CATEGORIES],
        "named": sum(bool(count.category) for count in counts),
        "chosen": filters,
        "flagged": queries.active_flags(row).count(),
        "triplets": triplets.triplet_counts(row),
        "next": urlencode({**filters, "after": items[-1].key}) if more and items else "",
        "here": request.get_full_path(),
        "brought": last_import,
        "job": job_line(last_import.job_id) if last_import and last_import.job_id else None,
        "holding": [one for one in dependents if one.holds],
        "going": [one for one in dependents if not one.holds],
        "reasons": FlagReason.values,
    }
    return render(request, "catalog/catalogue.html", context)


@require_POST
@staff_member_required
def change_flags(request: HttpRequest, slug: str) -> HttpResponse:
    """Flag the chosen items for a reason, lift their flags, or take their pictures down, and back to the button."""
    keys = request.POST.getlist("key")[:_SHOWN]
    if not keys:
        messages.error(request, "Choose at least one picture first.")
        return _redirect_back(request, slug)
    try:
        if "lift" in request.POST:
            changed = item_flags.lift_flags(slug, keys)
            messages.success(request, f"{changed} flags lifted.")
        elif "remove" in request.POST:
            changed = remove_items(slug, keys)
            messages.success(request, f"{changed} items are out of the catalogue; an import brings them back.")
        elif "withdraw" in request.POST:
            changed = withdraw_pictures(slug, keys)
            messages.success(request, f"{changed} pictures withdrawn for good: their files are deleted.")
        else:
            changed = item_flags.flag_items(slug, keys, request.POST.get("reason", ""))
            messages.success(request, f"{changed} items flagged: they leave training data and decks.")
    except NotFound as problem:
        raise Http404(problem.message) from problem
    except Problem as problem:
        messages.error(request, problem.message)
    return _redirect_back(request, slug)


def catalogue_or_404(slug: str) -> Catalogue:
    """The catalogue that an address names."""
    try:
        return queries.catalogue_named(slug)
    except NotFound as problem:
        raise Http404(problem.message) from problem


def _redirect_back(request: HttpRequest, slug: str) -> HttpResponse:
    """To the same page of the catalogue; only addresses of it are followed."""
    home = reverse("lab-catalogue", args=[slug])
    next_path: Any = request.POST.get("next", "")
    return redirect(next_path if next_path.partition("?")[0] == home else home)
