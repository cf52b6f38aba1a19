"""A simulated crowd: it swipes through the same services as people, and its votes are marked for ever."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from evalapp.core.errors import Conflict, InvalidInput
from evalapp.studies.models import Study
from evalapp.voting.models import Answer, Exposure, Voter
from evalapp.voting.services import Ballot, cast_votes, serve_deck
from evalapp.voting.tokens import sign_token

_DECK = 50
_NAMESPACE = uuid.UUID("6f1c3c1e-5a0e-4d0b-9a4e-0d6f2f6c9a11")


@dataclass(frozen=True, slots=True)
class Taste:
    """The probability of dope, for pairs of one category and for all others."""

    alike: float
    other: float


def parse_taste(words: str) -> Taste:
    """`category` (0.9 for pairs of one category, 0.1 for others), `category:0.8,0.3` or `random:0.5`."""
    kind, _, numbers = words.partition(":")
    try:
        given = [float(number) for number in numbers.split(",")] if numbers else []
    except ValueError:
        given = [-1.0]
    wanted = {"category": given or [0.9, 0.1], "random": given * 2 if len(given) == 1 else []}.get(kind, [])
    if len(wanted) != 2 or not all(0 <= number <= 1 for number in wanted):
        raise InvalidInput(f"{words!r} is not a taste; write category, category:0.9,0.2 or random:0.5.")
    return Taste(*wanted)


def simulate_votes(
    study: Study, *, votes: int, voters: int, taste: Taste, seed: int, advance: Callable[[int], None] = lambda _: None
) -> int:
    """Let `voters` simulated people cast `votes` in all, the same number each; how many were cast.

    Fewer are cast when they have seen everything. Who votes and what they see and say depends on the seed; the same
    call again goes on where these voters stopped. Raises InvalidInput for numbers below 1, Conflict if the study is
    not open.
    """
    if votes < 1 or voters < 1 or seed < 0:
        raise InvalidInput("--votes and --voters must be at least 1, --seed at least 0.")
    if not study.is_open:
        raise Conflict(f"{study} is not open; run: python manage.py open_study {study}")
    cast = 0
    for number, share in enumerate(_shares(votes, voters)):
        for done in _visit(study, taste, seed, number, share):
            cast += done
            advance(done)
    return cast


def _shares(votes: int, voters: int) -> Iterator[int]:
    each, rest = divmod(votes, voters)
    return (each + (number < rest) for number in range(voters))


def _visit(study: Study, taste: Taste, seed: int, number: int, share: int) -> Iterator[int]:
    voter, _ = Voter.objects.get_or_create(pk=uuid.uuid5(_NAMESPACE, f"{study.slug}/{seed}/{number}"))
    begun = Exposure.objects.filter(study=study, voter=voter).count()
    rng = np.random.default_rng([seed, number, begun])
    while share > 0:
        exposures = serve_deck(study, voter, min(share, _DECK), rng)
        if not exposures:
            return
        categories = _categories(exposures)
        cast_votes(voter, [_ballot(one, categories, taste, rng) for one in exposures], simulated=True)
        share -= len(exposures)
        yield len(exposures)


def _categories(exposures: list[Exposure]) -> dict[int, tuple[str, str]]:
    rows = Exposure.objects.filter(pk__in=[exposure.pk for exposure in exposures])
    fields = ("pk", "pair__query__item__category", "pair__candidate__category")
    return {pk: (query, candidate) for pk, query, candidate in rows.values_list(*fields)}


def _ballot(
    exposure: Exposure, categories: dict[int, tuple[str, str]], taste: Taste, rng: np.random.Generator
) -> Ballot:
    query, candidate = categories[exposure.pk]
    chance = taste.alike if query and query == candidate else taste.other
    verdict = Answer.DOPE if rng.random() < chance else Answer.NOPE
    return Ballot(sign_token(exposure.token), verdict, response_ms=int(rng.lognormal(6.8, 0.5)))
