"""Operators' pages: who votes in a study, and how to invite people."""

from __future__ import annotations

import io
import uuid

import segno
from django.contrib import messages
from django.contrib.admin.views.decorators import staff_member_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from evalapp.studies.models import Study
from evalapp.voting.crowd import voters_of
from evalapp.voting.models import Voter
from evalapp.voting.services import block_voter, unblock_voter

_SHOWN = 200


@require_safe
@staff_member_required
def voters(request: HttpRequest, slug: str) -> HttpResponse:
    """The voters of a study with what their answers tell about them."""
    study = get_object_or_404(Study, slug=slug)
    lines = voters_of(study, _SHOWN)
    return render(request, "voting/voters.html", {"study": study, "voters": lines, "most": _SHOWN})


@require_POST
@staff_member_required
def block(request: HttpRequest, slug: str, voter_id: uuid.UUID) -> HttpResponse:
    """Set a voter's votes aside, or let them count again, and back to the list."""
    voter = get_object_or_404(Voter, pk=voter_id)
    if "unblock" in request.POST:
        messages.success(request, f"{unblock_voter(voter):,} votes of {voter.pk.hex[:8]} count again.")
    else:
        messages.success(request, f"{block_voter(voter):,} votes of {voter.pk.hex[:8]} are set aside.")
    return redirect("lab-voters", slug)


@require_safe
@staff_member_required
def invite(request: HttpRequest, slug: str) -> HttpResponse:
    """The link that people get, as words, as a QR code and as a frame for other pages."""
    study = get_object_or_404(Study, slug=slug)
    link = request.build_absolute_uri(reverse("play", args=[slug]))
    return render(request, "voting/invite.html", {"study": study, "link": link})


@require_safe
@staff_member_required
def qr_code(request: HttpRequest, slug: str) -> HttpResponse:
    """The link as a QR code that prints at any size."""
    get_object_or_404(Study, slug=slug)
    out = io.BytesIO()
    link = request.build_absolute_uri(reverse("play", args=[slug]))
    segno.make(link, error="m", micro=False).save(
        out, kind="svg", scale=8, border=4, dark="#1e1424", light="#ffffff", xmldecl=False, title=f"QR code: {link}"
    )
    return HttpResponse(out.getvalue(), content_type="image/svg+xml")
