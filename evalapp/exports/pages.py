"""The operators' page of exports, and the address behind a download link."""

from __future__ import annotations

from pathlib import Path

from django.contrib import messages
from django.contrib.admin.views.decorators import staff_member_required
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from evalapp.core import tasks
from evalapp.core.domain.errors import NotFound, Problem
from evalapp.exports.domain.download_links import read_link, sign_link
from evalapp.exports.domain.table_writers import WRITERS
from evalapp.exports.queries import export_data
from evalapp.exports.services import write_exports
from evalapp.studies.models import Study
from evalapp.studies.queries.study_reads import study_by_slug

_CLIENT = Path(__file__).parent / "domain" / "notebook_client.py"


@require_safe
@staff_member_required
def list_exports(request: HttpRequest) -> HttpResponse:
    """What was exported or is being written, and a form for more."""
    lines = [(export, sign_link(export.pk) if export.is_whole else "") for export in export_data.recent_exports()]
    studies = Study.objects.order_by("slug").values_list("slug", flat=True)
    context = {"exports": lines, "studies": studies, "formats": list(WRITERS), "chosen": request.GET.get("study", "")}
    return render(request, "exports/exports.html", context)


@require_POST
@staff_member_required
def add_export(request: HttpRequest) -> HttpResponse:
    """Ask for an export of a study."""
    try:
        study = study_by_slug(request.POST.get("study", ""))
        export = write_exports.request_export(study, request.POST.get("format", ""))
    except Problem as problem:
        messages.error(request, problem.message)
    else:
        tasks.begin(export.job)
    return redirect("lab-exports")


@require_POST
@staff_member_required
def remove_export(request: HttpRequest, export_id: int) -> HttpResponse:
    """Delete an export with its file."""
    try:
        write_exports.remove_export(export_data.export_by_id(export_id))
    except NotFound as problem:
        raise Http404(problem.message) from problem
    except Problem as problem:
        messages.error(request, problem.message)
    else:
        messages.success(request, f"Export {export_id} is deleted.")
    return redirect("lab-exports")


@require_safe
def send_client(_request: HttpRequest) -> HttpResponse:
    """The file with which a notebook talks to this server."""
    return HttpResponse(_CLIENT.read_bytes(), content_type="text/x-python; charset=utf-8")


@never_cache
@require_safe
def download_export(_request: HttpRequest, link: str) -> HttpResponseBase:
    """The archive, for whoever holds a link that still works."""
    try:
        export = export_data.export_by_id(read_link(link))
        archive = export_data.archive_of(export)
    except NotFound as problem:
        raise Http404(problem.message) from problem
    name = f"{export.study.slug}-{export.format}-{export.pk}.zip"
    return FileResponse(archive.open("rb"), as_attachment=True, filename=name, content_type="application/zip")
