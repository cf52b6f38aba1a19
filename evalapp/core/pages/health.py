"""What is embedded, reachable and missing, in the browser."""

from __future__ import annotations

from django.contrib.admin.views.decorators import staff_member_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from evalapp.core.queries import worker_lines
from evalapp.core.services.diagnosis import gather_findings


@require_safe
@staff_member_required
def show_health(request: HttpRequest) -> HttpResponse:
    """What `doctor` says of this process, and the workers."""
    lines = worker_lines()
    context = {"findings": gather_findings(engine=False), "workers": lines, "seen": len(lines)}
    return render(request, "core/health.html", context)
