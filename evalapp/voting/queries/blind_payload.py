"""What a voter receives for an exposure: the only place where it is written down."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from django.utils.translation import gettext as _

from evalapp.catalog.services.renditions import SCALES, names_once, picture_url, rendition_size
from evalapp.studies.models import Study, StudyMode
from evalapp.voting.domain.tokens import sign_token
from evalapp.voting.queries.deck_reads import Card, DeckStudy, Example, PictureShown


def deck_as_shown(
    study: Study | DeckStudy, cards: Sequence[Card], undone: Mapping[uuid.UUID, str] | None = None
) -> dict[str, Any]:
    """The cards as the study's mode shows them: `exposures` one by one, or `groups`.

    `undone` are verdicts taken back, by token.
    """
    verdicts = undone or {}
    if study.mode == StudyMode.SWIPE:
        return {"exposures": [_pair_document(study, card, verdicts) for card in cards]}
    groups = [
        _group_document(group, list(members), verdicts)
        for group, members in groupby(cards, key=lambda card: card.group)
    ]
    return {"exposures": [], "groups": groups}


def answers_as_shown(answers: Sequence[tuple[Card, str]]) -> list[dict[str, Any]]:
    """A voter's own answers, to be looked at again."""
    return [
        {
            "query": _picture_document(card.query, _("First picture"), card.token),
            "candidate": _picture_document(card.candidate, _("Second picture"), card.token),
            "verdict": verdict,
        }
        for card, verdict in answers
    ]


def examples_as_shown(examples: Sequence[Example]) -> list[dict[str, Any]]:
    """What visitors see before they begin."""
    return [
        {
            "query": _picture_document(example.query, _("First picture")),
            "candidate": _picture_document(example.candidate, _("Second picture")),
            "verdict": example.verdict,
        }
        for example in examples
    ]


def _pair_document(study: Study | DeckStudy, card: Card, verdicts: Mapping[uuid.UUID, str]) -> dict[str, Any]:
    """Two pictures and a token: nothing from which a contender, a metric, a distance or a rank can be told."""
    shown = {
        "token": sign_token(card.token),
        "query": _picture_document(card.query, _("First picture"), card.token),
        "candidate": _picture_document(card.candidate, _("Second picture"), card.token),
    }
    # Only in studies with random sides, and then for every pair: a side sent for some would tell those apart.
    return shown | ({"side": card.side} if study.random_sides else {}) | _undone_verdict(card, verdicts)


def _group_document(
    group: uuid.UUID | None, cards: Sequence[Card], verdicts: Mapping[uuid.UUID, str]
) -> dict[str, Any]:
    """One query with several candidates, each with its token."""
    return {
        "group": group.hex if group else "",
        "query": _picture_document(cards[0].query, _("The picture to compare with"), cards[0].token),
        "candidates": [
            _candidate_document(card, number) | _undone_verdict(card, verdicts)
            for number, card in enumerate(cards, start=1)
        ],
    }


def _candidate_document(card: Card, number: int) -> dict[str, Any]:
    picture = _picture_document(card.candidate, _("Picture {number}").format(number=number), card.token)
    return {"token": sign_token(card.token), **picture}


def _undone_verdict(card: Card, verdicts: Mapping[uuid.UUID, str]) -> dict[str, str]:
    return {"verdict": verdicts[card.token]} if card.token in verdicts else {}


def _picture_document(picture: PictureShown, alt: str, exposure: uuid.UUID | None = None) -> dict[str, Any]:
    # The text is the same for every pair: a name or a category would answer the question. So would an address that
    # is the same whenever the picture is shown.
    name = names_once(picture.public_id, exposure.bytes) if exposure else picture.public_id
    width, height = rendition_size(picture.width, picture.height)
    image, dense = (picture_url(name, scale=scale) for scale in SCALES)
    return {
        "image": image,
        "srcset": f"{image} 1x, {dense} 2x",
        "jpeg": picture_url(name, kind="jpg"),
        "width": width,
        "height": height,
        "alt": alt,
    }
