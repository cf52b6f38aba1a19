"""The page of the installation: who may use the lab, and backups. For superusers, since a backup holds all keys."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.admin.views.decorators import staff_member_required
from django.contrib.auth import get_user_model
from django.contrib.auth.decorators import user_passes_test
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from evalapp.core import queries, tasks
from evalapp.core.domain.errors import NotFound, Problem
from evalapp.core.services.backups import kept
from evalapp.core.services.operators import create_operator, make_token

superusers_only = user_passes_test(lambda user: user.is_superuser)


@require_safe
@never_cache
@staff_member_required
@superusers_only
def show_installation(request: HttpRequest) -> HttpResponse:
    """Operators, and backups that are there."""
    operators = get_user_model().objects.filter(is_staff=True, is_active=True).order_by("username")
    context = {
        "operators": operators,
        "backups": kept.kept_backups(),
        "job": queries.newest_job(kept.KIND, kept.TARGET),
    }
    return render(request, "core/installation.html", context)


@require_POST
@staff_member_required
@superusers_only
def add_operator(request: HttpRequest) -> HttpResponse:
    """Make an operator; a password that was made up is told once."""
    given_password = request.POST.get("password", "")
    try:
        user, password = create_operator(request.POST.get("name", "").strip(), given_password or None)
    except Problem as problem:
        messages.error(request, problem.message)
    else:
        password_note = "" if given_password else f" Password, told this once: {password}"
        messages.success(request, f"{user.get_username()} may sign in at /lab/.{password_note}")
    return redirect("lab-installation")


@require_POST
@staff_member_required
@superusers_only
def renew_token(request: HttpRequest, user_id: int) -> HttpResponse:
    """A new token for the API; the one before is no longer good."""
    user = get_object_or_404(get_user_model(), pk=user_id, is_staff=True)
    messages.success(request, f"Token of {user.get_username()} for the API, told this once: {make_token(user)}")
    return redirect("lab-installation")


@require_POST
@staff_member_required
@superusers_only
def add_backup(request: HttpRequest) -> HttpResponse:
    """Have a worker make a backup."""
    tasks.begin(kept.request_backup())
    messages.success(request, "A backup is being made. It appears here when it is whole.")
    return redirect("lab-installation")


@require_POST
@never_cache
@staff_member_required
@superusers_only
def download_backup(_request: HttpRequest, name: str) -> HttpResponseBase:
    """The file. Not by a link: who took it along is written down."""
    try:
        return FileResponse(kept.hand_out_backup(name).open("rb"), as_attachment=True, filename=name)
    except NotFound as problem:
        raise Http404(problem.message) from problem


@require_POST
@staff_member_required
@superusers_only
def remove_backup(request: HttpRequest, name: str) -> HttpResponse:
    """Delete a backup."""
    try:
        kept.remove_backup(name)
    except NotFound as problem:
        raise Http404(problem.message) from problem
    messages.success(request, f"{name} is deleted.")
    return redirect("lab-installation")
