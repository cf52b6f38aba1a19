"""Duplicates in the lab: by level, one pair at a time, side by side."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.admin.views.decorators import staff_member_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from evalapp.catalog.models import Catalogue
from evalapp.catalog.queries import catalogue_named, catalogues_with_counts
from evalapp.core.domain.errors import NotFound, Problem
from evalapp.core.tasks import begin
from evalapp.search.models import DuplicateLevel
from evalapp.search.queries.duplicates import last_decided, level_counts, next_pair, scan_of
from evalapp.search.services import duplicates as services


@require_safe
@staff_member_required
def duplicate_counts(request: HttpRequest) -> HttpResponse:
    """All catalogues with what waits in each."""
    lines = [(catalogue, level_counts(catalogue), scan_of(catalogue)) for catalogue in catalogues_with_counts()]
    return render(request, "search/duplicates.html", {"lines": lines, "levels": DuplicateLevel.values})


@require_safe
@staff_member_required
def duplicate_pair(request: HttpRequest, slug: str) -> HttpResponse:
    """The surest pair of `?level=` that waits, the surest level first if none is named."""
    catalogue = _catalogue_or_404(slug)
    counts = level_counts(catalogue)
    level_asked = request.GET.get("level", "")
    waiting = [count.level for count in counts if count.proposed]
    level = level_asked if level_asked in DuplicateLevel.values else next(iter(waiting), DuplicateLevel.PICTURE)
    context = {
        "catalogue": catalogue,
        "counts": counts,
        "level": level,
        "pair": next_pair(catalogue, level),
        "last": last_decided(catalogue),
        "scan": scan_of(catalogue),
        "levels": DuplicateLevel.values,
        "at_once": services.MOST_AT_ONCE,
    }
    return render(request, "search/duplicate_pair.html", context)


@require_POST
@staff_member_required
def decide_duplicate(request: HttpRequest, slug: str) -> HttpResponse:
    """Decide the pair, all of the same bytes, or have the catalogue looked through; then the next one."""
    catalogue = _catalogue_or_404(slug)
    level = request.POST.get("level", "")
    who = request.user.get_username()
    try:
        if "scan" in request.POST:
            begin(services.request_scan(catalogue, request.POST["scan"]))
            messages.success(request, "The catalogue is being looked through; pairs come here as they are found.")
        elif "all_bytes" in request.POST:
            dropped = services.drop_same_bytes(catalogue, who=who)
            messages.success(request, f"{dropped} pairs decided: the older item of each stays, the other is flagged.")
        else:
            number = request.POST.get("pair", "")
            decision, _, drop = request.POST.get("decision", "").partition(":")
            if not number.isdecimal() or len(number) > 18:
                raise NotFound(f"{catalogue} has no pair {number[:20]!r}.")
            services.decide_pair(catalogue, int(number), decision, who=who, drop=drop)
    except Problem as problem:
        messages.error(request, problem.message)
    home = reverse("lab-duplicate-pair", args=[slug])
    return redirect(f"{home}?level={level}" if level in DuplicateLevel.values else home)


def _catalogue_or_404(slug: str) -> Catalogue:
    try:
        return catalogue_named(slug)
    except NotFound as problem:
        raise Http404(problem.message) from problem
