"""The operators' page of webhooks."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.admin.views.decorators import staff_member_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from evalapp.core.domain.errors import NotFound, Problem
from evalapp.webhooks import queries, services, tasks
from evalapp.webhooks.domain.event_names import EVENTS
from evalapp.webhooks.models import Webhook


@require_safe
@staff_member_required
def webhooks_page(request: HttpRequest) -> HttpResponse:
    """The addresses with their events, and the last deliveries."""
    context = {"webhooks": queries.all_webhooks(), "deliveries": queries.recent_deliveries(), "events": EVENTS}
    return render(request, "webhooks/webhooks.html", context)


@require_POST
@staff_member_required
def add_webhook(request: HttpRequest) -> HttpResponse:
    """Make one; its secret is told once."""
    try:
        made = services.add_webhook(
            request.POST.get("url", "").strip(), request.POST.getlist("events"), is_live="live" in request.POST
        )
    except Problem as problem:
        messages.error(request, problem.message)
    else:
        messages.success(request, f"{made.url} is told from now on. Its secret, shown this once: {made.secret}")
    return redirect("lab-webhooks")


@require_POST
@staff_member_required
def remove_webhook(request: HttpRequest, webhook_id: int) -> HttpResponse:
    """Tell this address nothing any more."""
    webhook = _webhook_or_404(webhook_id)
    services.remove_webhook(webhook)
    messages.success(request, f"{webhook.url} is told nothing any more.")
    return redirect("lab-webhooks")


@require_POST
@staff_member_required
def ping_webhook(request: HttpRequest, webhook_id: int) -> HttpResponse:
    """Send an event of no meaning, to see whether it arrives."""
    services.try_webhook(_webhook_or_404(webhook_id))
    tasks.deliver_webhooks.delay()
    messages.success(request, "A ping is on its way; reload to see how it went.")
    return redirect("lab-webhooks")


def _webhook_or_404(webhook_id: int) -> Webhook:
    try:
        return queries.webhook_by_id(webhook_id)
    except NotFound as problem:
        raise Http404(problem.message) from problem
