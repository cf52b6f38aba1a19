"""The stored vectors in the browser: who needs them, and what nobody does."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.admin.views.decorators import staff_member_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.defaultfilters import filesizeformat
from django.views.decorators.http import require_POST, require_safe

from evalapp.contenders.pipeline import vector_storage


@require_safe
@staff_member_required
def show_storage(request: HttpRequest) -> HttpResponse:
    """Every stored table of vectors, the largest first."""
    holdings = vector_storage.list_holdings()
    context = {
        "holdings": holdings,
        "total": sum(one.bytes for one in holdings),
        "idle": any(not one.needed_by for one in holdings),
    }
    return render(request, "contenders/storage.html", context)


@require_POST
@staff_member_required
def prune_storage(request: HttpRequest) -> HttpResponse:
    """Delete what nobody needs; it can be computed again."""
    freed = sum(size for _, size in vector_storage.prune_vectors())
    messages.success(request, f"{filesizeformat(freed)} freed.")
    return redirect("lab-storage")
