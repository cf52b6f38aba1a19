"""What a voter receives for an exposure: the only place where it is written down."""

from __future__ import annotations

from typing import Any

from django.urls import reverse

from evalapp.catalog.models import Picture
from evalapp.voting.models import Exposure
from evalapp.voting.tokens import sign_token


def as_shown(exposure: Exposure) -> dict[str, Any]:
    """Two pictures and a token: nothing from which a contender, a metric, a distance or a rank can be told."""
    return {
        "token": sign_token(exposure.token),
        "query": _picture(exposure.pair.query.item.picture, "First picture"),
        "candidate": _picture(exposure.pair.candidate.picture, "Second picture"),
    }


def _picture(picture: Picture, alt: str) -> dict[str, Any]:
    # The words are the same for every pair: a name or a category would answer the question.
    return {
        "image": reverse("picture", args=[picture.public_id]),
        "width": picture.width,
        "height": picture.height,
        "alt": alt,
    }
