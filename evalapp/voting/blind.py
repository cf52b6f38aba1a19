"""What a voter receives for an exposure: the only place where it is written down."""

from __future__ import annotations

from typing import Any

from evalapp.catalog.models import Picture
from evalapp.catalog.renditions import picture_url, rendition_size
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
    width, height = rendition_size(picture.width, picture.height)
    return {"image": picture_url(picture.public_id), "width": width, "height": height, "alt": alt}
