"""Tagging photos in the lab: choose a box, confirm or reject the products that are proposed for it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.admin.views.decorators import staff_member_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_POST, require_safe

from evalapp.catalog.models import Catalogue
from evalapp.catalog.queries import catalogue_named, catalogues_with_counts
from evalapp.core.domain.errors import NotFound, Problem
from evalapp.search.domain.lookup_params import Box, corners_of
from evalapp.search.models import TaggedPhoto
from evalapp.search.pages.search_texts import handle_words, search_words
from evalapp.search.queries.photo_tags import photo_counts, propose_products, tagged_photo, tagged_photos, tags_of
from evalapp.search.queries.photo_uploads import held_in_memory
from evalapp.search.queries.search_indexes import search_indexes
from evalapp.search.services import photo_tags as services

_SHOWN = 60


@require_safe
@staff_member_required
def tagged_catalogues(request: HttpRequest) -> HttpResponse:
    """Catalogues that can be tagged, with what was tagged in each."""
    served = {index.catalogue_id for index in search_indexes().exclude(serving=None)}
    photos, confirmed = photo_counts()
    lines = [
        {
            "catalogue": catalogue,
            "photos": photos.get(catalogue.pk, 0),
            "confirmed": confirmed.get(catalogue.pk, 0),
            "is_served": catalogue.pk in served,
        }
        for catalogue in catalogues_with_counts()
    ]
    return render(request, "search/tags.html", {"lines": lines})


@require_safe
@staff_member_required
def tagged_catalogue(request: HttpRequest, slug: str) -> HttpResponse:
    """Photos of one catalogue, and the form that brings another."""
    catalogue = _catalogue_or_404(slug)
    context = {
        "catalogue": catalogue,
        "photos": tagged_photos(catalogue)[:_SHOWN],
        "usual_domain": services.USUAL_DOMAIN,
    }
    return render(request, "search/tagged_catalogue.html", context)


@held_in_memory
@require_POST
@staff_member_required
def bring_photo(request: HttpRequest, slug: str) -> HttpResponse:
    """A photo that is sent, or the picture of an item that is named; then its page."""
    catalogue = _catalogue_or_404(slug)
    who, domain = request.user.get_username(), request.POST.get("domain", "")
    try:
        upload = request.FILES.get("photo")
        if upload is not None:
            photo = services.bring_photo(catalogue, upload.read(), domain=domain or services.USUAL_DOMAIN, who=who)
        else:
            photo = services.take_photo(catalogue, request.POST.get("item", ""), domain=domain, who=who)
    except Problem as problem:
        messages.error(request, problem.message)
        return redirect("lab-tagged-catalogue", slug)
    return redirect("lab-tagged-photo", slug, photo.pk)


@require_safe
@staff_member_required
def tagged_photo_page(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """One photo: its boxes, and what is proposed for the one that is chosen by `?box=`."""
    photo = _photo_or_404(slug, number)
    tags_said = list(tags_of(photo.catalogue).filter(photo=photo))
    context: dict[str, Any] = {
        "catalogue": photo.catalogue,
        "photo": photo,
        "tags": tags_said,
        "handles": handle_words(),
        "words": {name: text for name, text in search_words().items() if name.startswith("box")},
        "choice": request.GET.get("index", ""),
        "indexes": [index.slug for index in search_indexes().filter(catalogue=photo.catalogue).exclude(serving=None)],
    }
    try:
        box = corners_of(request.GET.get("box"))
        proposed = propose_products(photo, box, context["choice"])
        context |= {
            "found": proposed,
            "boxes": _box_choices(photo, proposed.regions, [tag.box for tag in tags_said], proposed.box),
        }
    except Problem as problem:
        context |= {
            "problem": problem.message,
            "boxes": _box_choices(photo, [], [tag.box for tag in tags_said], photo.whole_box),
        }
    return render(request, "search/tagged_photo.html", context)


@require_POST
@staff_member_required
def decide_tag(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Confirm, reject or take back a product in a box, or forget the whole photo."""
    photo = _photo_or_404(slug, number)
    try:
        if "forget" in request.POST:
            services.forget_photo(photo)
            messages.success(request, "The photo and all that was said of it are gone.")
            return redirect("lab-tagged-catalogue", slug)
        _decide_from_form(request, photo)
    except Problem as problem:
        messages.error(request, problem.message)
    home = reverse("lab-tagged-photo", args=[slug, number])
    choices = {name: request.POST[name] for name in ("box", "index") if request.POST.get(name)}
    return redirect(f"{home}?{urlencode(choices)}" if choices else home)


def _decide_from_form(request: HttpRequest, photo: TaggedPhoto) -> None:
    """A button says decision and product, `confirm:PRODUCT`; a product may be typed instead."""
    decision, _, product = request.POST.get("decision", "").partition(":")
    product = product or request.POST.get("product", "").strip()
    index_slug = request.POST.get("index", "")
    index = next((row for row in search_indexes().filter(catalogue=photo.catalogue) if row.slug == index_slug), None)
    rank = request.POST.get(f"rank:{product}", "")
    confidence = request.POST.get(f"confidence:{product}", "")
    services.decide_tag(
        photo,
        corners_of(request.POST.get("box")),
        product,
        decision,
        who=request.user.get_username(),
        index=index,
        rank=int(rank) if rank.isdecimal() and len(rank) < 4 else None,
        confidence=_parse_share(confidence),
    )


def _parse_share(text: str) -> float | None:
    try:
        share = float(text)
    except ValueError:
        return None
    return share if 0 <= share <= 1 else None


def _box_choices(photo: TaggedPhoto, regions: Any, tagged: list[Box], chosen: Box) -> list[dict[str, Any]]:
    """The boxes to choose among, each once: the whole photo, those with tags, those that are suggested."""
    labels: dict[Box, str] = {photo.whole_box: "whole photo"}
    for box in tagged:
        labels.setdefault(box, "tagged")
    for region in regions:
        labels.setdefault(tuple(region.box), region.label or f"suggested by its {region.by}")
    labels.setdefault(chosen, "yours")
    return [
        {"text": ",".join(map(str, box)), "label": label, "is_chosen": box == chosen} for box, label in labels.items()
    ]


def _catalogue_or_404(slug: str) -> Catalogue:
    try:
        return catalogue_named(slug)
    except NotFound as problem:
        raise Http404(problem.message) from problem


def _photo_or_404(slug: str, number: int) -> TaggedPhoto:
    try:
        return tagged_photo(_catalogue_or_404(slug), number)
    except NotFound as problem:
        raise Http404(problem.message) from problem
