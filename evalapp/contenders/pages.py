"""The operators' list of models."""

from __future__ import annotations

from django.contrib.admin.views.decorators import staff_member_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from evalapp.contenders.queries import registered_models


@require_safe
@staff_member_required
def models(request: HttpRequest) -> HttpResponse:
    """What is registered, with taps and dimensions."""
    return render(request, "contenders/models.html", {"models": registered_models()})
