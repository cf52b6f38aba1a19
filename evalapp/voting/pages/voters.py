"""Operators' pages: who votes in a study."""

from __future__ import annotations

import uuid
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.admin.views.decorators import staff_member_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from evalapp.core.domain.values.whole_numbers import MOST_STORED, whole_number
from evalapp.studies.models import Study
from evalapp.voting.models import Vote, Voter
from evalapp.voting.queries.voter_lists import ORDERS, STATES, USUAL, listed_voters
from evalapp.voting.services.voters import (
    block_address,
    block_voter,
    end_rehearsal,
    unblock_address,
    unblock_voter,
)


@require_safe
@staff_member_required
def voters_page(request: HttpRequest, slug: str) -> HttpResponse:
    """The voters of a study with what their answers tell about them; `?voter=ID` is about to be blocked or back.

    `?state=` says who is shown, `?order=` who comes first, `?page=` goes on; words that nobody knows are as none.
    """
    study = get_object_or_404(Study, slug=slug)
    state, order = request.GET.get("state", ""), request.GET.get("order", "")
    state, order = state if state in STATES else "", order if order in ORDERS else ""
    number = whole_number(request.GET.get("page", ""), 1, MOST_STORED // USUAL) or 1
    listed = listed_voters(study, state=state, order=order, limit=USUAL, offset=(number - 1) * USUAL)
    chosen = get_object_or_404(Voter, pk=voter_id) if (voter_id := _parse_uuid(request.GET.get("voter", ""))) else None
    context = {
        "study": study,
        "voters": listed.lines,
        "found": listed.found,
        "all": listed.all,
        "state": state,
        "states": {"": "everybody", **STATES},
        "order": order,
        "orders": {"": "the blocked, then most answers", **ORDERS},
        "page": number,
        "pages": -(-listed.found // USUAL),
        "same": urlencode({"state": state, "order": order}),
        "chosen": chosen,
        "simulated": Vote.objects.filter(study=study, simulated=True, counted=True).count(),
    }
    return render(request, "voting/voters.html", context)


def _parse_uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


@require_POST
@staff_member_required
def change_block(request: HttpRequest, slug: str, voter_id: uuid.UUID) -> HttpResponse:
    """Set aside the votes of a voter, or of all of their address, or let them count again; and back to the list."""
    voter = get_object_or_404(Voter, pk=voter_id)
    note = request.POST.get("note", "").strip()
    whole = "address" in request.POST
    whose = f"{voter.pk.hex[:8]}{' and of their address' if whole else ''}"
    if "unblock" in request.POST:
        back = (unblock_address if whole else unblock_voter)(voter, note=note)
        messages.success(request, f"{back:,} votes of {whose} count again.")
    else:
        aside = block_address(voter, note=note) if whole else block_voter(voter, note=note)
        messages.success(request, f"{aside:,} votes of {whose} are set aside.")
    return redirect("lab-voters", slug)


@require_POST
@staff_member_required
def finish_rehearsal(request: HttpRequest, slug: str) -> HttpResponse:
    """Put an end to the rehearsal, and back to the list of voters."""
    study = get_object_or_404(Study, slug=slug)
    messages.success(request, f"{end_rehearsal(study):,} simulated votes are set aside. The board follows in a minute.")
    return redirect("lab-voters", slug)
