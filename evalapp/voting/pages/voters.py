"""Operators' pages: who votes in a study."""

from __future__ import annotations

import uuid
from collections.abc import Callable

from django.contrib import messages
from django.contrib.admin.views.decorators import staff_member_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from evalapp.studies.models import Study
from evalapp.voting.models import Vote, Voter
from evalapp.voting.queries.voter_quality import VoterLine, voters_of
from evalapp.voting.services.voters import (
    block_address,
    block_voter,
    end_rehearsal,
    unblock_address,
    unblock_voter,
)

_SHOWN = 200
_LOOKED_AT = 10_000
_STATES: dict[str, tuple[str, Callable[[VoterLine], bool]]] = {
    "": ("everybody", lambda _: True),
    "counts": ("who counts", lambda line: not line.blocked_at),
    "blocked": ("the blocked", lambda line: bool(line.blocked_at)),
    "trusted": ("the trusted", lambda line: line.trusted),
    "simulated": ("the simulated", lambda line: line.is_simulated),
}
_ORDERS: dict[str, tuple[str, Callable[[VoterLine], float]]] = {
    "": ("the blocked, then most answers", lambda _: 0),
    "answers": ("most answers", lambda line: -line.answers),
    "honesty": ("least honest", lambda line: line.honesty),
    "again": ("least often the same again", lambda line: 2 if line.self_agreement is None else line.self_agreement),
    "fast": ("quickest", lambda line: float("inf") if line.median_ms is None else line.median_ms),
    "run": ("most suspicious run", lambda line: line.straight_lining),
    "address": ("most of one address", lambda line: -line.neighbours),
}
"""What may be asked for in the address: its words, and what it looks at. Whoever has no such number comes last."""


@require_safe
@staff_member_required
def voters(request: HttpRequest, slug: str) -> HttpResponse:
    """The voters of a study with what their answers tell about them; `?voter=ID` is about to be blocked or back.

    `?state=` says who is shown, `?order=` who comes first; words that nobody knows are the usual ones.
    """
    study = get_object_or_404(Study, slug=slug)
    state, order = request.GET.get("state", ""), request.GET.get("order", "")
    state, order = state if state in _STATES else "", order if order in _ORDERS else ""
    lines = voters_of(study, _LOOKED_AT)
    found = sorted(filter(_STATES[state][1], lines), key=_ORDERS[order][1])
    chosen = get_object_or_404(Voter, pk=asked) if (asked := _uuid(request.GET.get("voter", ""))) else None
    shown = {
        "study": study,
        "voters": found[:_SHOWN],
        "found": len(found),
        "all": len(lines),
        "state": state,
        "states": [(name, words) for name, (words, _) in _STATES.items()],
        "order": order,
        "orders": [(name, words) for name, (words, _) in _ORDERS.items()],
        "most": _SHOWN,
        "chosen": chosen,
        "simulated": Vote.objects.filter(study=study, simulated=True, counted=True).count(),
    }
    return render(request, "voting/voters.html", shown)


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


@require_POST
@staff_member_required
def block(request: HttpRequest, slug: str, voter_id: uuid.UUID) -> HttpResponse:
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
def rehearsal(request: HttpRequest, slug: str) -> HttpResponse:
    """Put an end to the rehearsal, and back to the list of voters."""
    study = get_object_or_404(Study, slug=slug)
    messages.success(request, f"{end_rehearsal(study):,} simulated votes are set aside. The board follows in a minute.")
    return redirect("lab-voters", slug)
