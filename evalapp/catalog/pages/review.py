"""The queue of triplets that wait for a person's eye."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.admin.views.decorators import staff_member_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from evalapp.catalog.models import FlagReason, Triplet
from evalapp.catalog.pages.catalogues import catalogue_or_404
from evalapp.catalog.services import item_flags, triplets
from evalapp.core.domain.errors import NotFound, Problem
from evalapp.core.domain.values.whole_numbers import MOST_STORED, whole_number

_MORE = 50
_ROLES = ("anchor", "positive", "negative")


@require_safe
@staff_member_required
def show_review(request: HttpRequest, slug: str) -> HttpResponse:
    """The next triplet with its three pictures, for this operator."""
    catalogue = catalogue_or_404(slug)
    reviewers = triplets.reviewer_counts(catalogue)
    context = {
        "catalogue": catalogue,
        "triplet": triplets.next_triplet(catalogue, request.user.get_username()),
        "counts": triplets.triplet_counts(catalogue),
        "last": triplets.last_decided(catalogue, request.user.get_username()),
        "reviewers": reviewers if len(reviewers) > 1 else {},
        "reasons": FlagReason.values,
        "more": _MORE,
    }
    return render(request, "catalog/review.html", context)


@require_POST
@staff_member_required
def decide_triplet(request: HttpRequest, slug: str) -> HttpResponse:
    """Accept, reject or take back a triplet, or flag one of its pictures; then the next one."""
    catalogue = catalogue_or_404(slug)
    number = request.POST.get("triplet", "")
    try:
        triplet = whole_number(number, 1, MOST_STORED)
        if triplet is None:
            raise NotFound(f"{catalogue} has no triplet {number[:40]!r}.")
        if request.POST.get("flag") in _ROLES:
            _flag_picture(request, slug, triplet)
        else:
            triplets.decide_triplet(catalogue, triplet, request.POST.get("state", ""), by=request.user.get_username())
    except Problem as problem:
        messages.error(request, problem.message)
    return redirect("lab-review", slug)


@require_POST
@staff_member_required
def propose_triplets(request: HttpRequest, slug: str) -> HttpResponse:
    """Put more triplets from labels into the queue."""
    catalogue = catalogue_or_404(slug)
    try:
        seed = sum(triplets.triplet_counts(catalogue).values())
        new = triplets.propose_from_labels(catalogue, _MORE, seed=seed)
        messages.success(request, f"{new} new triplets.")
    except Problem as problem:
        messages.error(request, problem.message)
    return redirect("lab-review", slug)


def _flag_picture(request: HttpRequest, slug: str, number: int) -> None:
    triplet = Triplet.objects.select_related(*_ROLES).filter(catalogue__slug=slug, pk=number).first()
    if triplet is None:
        raise NotFound(f"{slug} has no triplet {number}.")
    item = getattr(triplet, request.POST["flag"])
    item_flags.flag_items(slug, [item.key], request.POST.get("reason", ""))
    messages.success(request, f"{item.key} is flagged.")
