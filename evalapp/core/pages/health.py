"""What is embedded, reachable and missing, in the browser."""

from __future__ import annotations

from django.contrib.admin.views.decorators import staff_member_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from evalapp.core.queries import workers
from evalapp.core.services.diagnosis import findings


@require_safe
@staff_member_required
def health(request: HttpRequest) -> HttpResponse:
    """What `doctor` says of this process, and the workers."""
    found = workers()
    shown = {"findings": findings(engine=False), "workers": found, "seen": len(found)}
    return render(request, "core/health.html", shown)
