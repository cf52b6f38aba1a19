"""Bringing pictures in the browser, and catalogues renamed, put away and deleted."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.admin.views.decorators import staff_member_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from evalapp.catalog.models import Catalogue
from evalapp.catalog.pages.catalogues import catalogue_or_404
from evalapp.catalog.pages.forms import ImportForm
from evalapp.catalog.services import catalogues as services
from evalapp.core.domain.errors import Problem
from evalapp.core.pages.form_jobs import begun


@require_http_methods(["GET", "HEAD", "POST"])
@staff_member_required
def new_catalogue(request: HttpRequest) -> HttpResponse:
    """A name and a zip, and a worker brings the pictures."""
    return _answer_import_form(request, None)


@require_http_methods(["GET", "HEAD", "POST"])
@staff_member_required
def add_pictures(request: HttpRequest, slug: str) -> HttpResponse:
    """More pictures, or the same with other labels, for a catalogue that is there."""
    return _answer_import_form(request, catalogue_or_404(slug))


def _answer_import_form(request: HttpRequest, catalogue: Catalogue | None) -> HttpResponse:
    form = ImportForm(request.POST or None, request.FILES or None, catalogue=catalogue)
    if new_import := begun(request, form):
        return redirect("lab-catalogue", new_import.catalogue.slug)
    status = 400 if form.errors else 200
    return render(request, "catalog/import.html", {"form": form, "catalogue": catalogue}, status=status)


@require_POST
@staff_member_required
def change_catalogue(request: HttpRequest, slug: str) -> HttpResponse:
    """Another name, away or back, or deleted for good."""
    catalogue = catalogue_or_404(slug)
    try:
        if "delete" in request.POST:
            services.delete_catalogue(catalogue)
            messages.success(request, f"{slug} is deleted.")
            return redirect("lab-catalogues")
        if "archive" in request.POST or "return" in request.POST:
            services.archive_catalogue(catalogue, archived="archive" in request.POST)
            messages.success(request, f"{slug} is {'put away' if 'archive' in request.POST else 'back in the lists'}.")
        else:
            services.rename_catalogue(catalogue, request.POST.get("name", ""))
            messages.success(request, "Saved.")
    except Problem as problem:
        messages.error(request, problem.message)
    return redirect("lab-catalogue", slug)
