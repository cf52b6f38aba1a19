"""Attack 3: throw-away cookies of one machine vote for one contender, and honest crowds of one address beside them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from django.utils import timezone

from evalapp.studies.models import Nomination, Pair, Study
from evalapp.voting.models import Voter
from evalapp.voting.services.voter_review import review_voters
from tests import cast
from tests.attacks.arena import FAVOURITE, Schedule, Taste, chances_of, let_come

COOKIES, VOTES_EACH = 100, 19
PACES = {
    "all at once": (0.004, 0.0),
    "one after another, two a second": (0.5, 9.5),
    "side by side, as fast as people": (2.0, 0.1),
}
"""Seconds per answer, and seconds between the beginnings of two cookies."""
_MINUTES = 20


@dataclass(frozen=True, slots=True)
class Stuffed:
    """What became of it: shares of cookies and of the honest behind one address that were set aside, and the winner."""

    cookies_aside: float
    honest_aside: float
    hall_aside: float
    winner: str | None


def stuff(study: Study, pace: str, seed: int = 1) -> Stuffed:
    """2,000 honest votes, a third of them from a hall behind one address; then a review within a minute."""
    rng = np.random.default_rng(seed)
    honest = _people_like_them(study, rng)
    each, gap = PACES[pace]
    takes = gap * (COOKIES - 1) + each * VOTES_EACH
    begin = timezone.now() - timedelta(seconds=takes + 59)
    alone = let_come(study, "", _sessions(45, rng), rng, honest)
    hall = let_come(study, "hall", _sessions(22, rng, together=True), rng, honest)
    visits = [(begin + timedelta(seconds=gap * number), each, VOTES_EACH) for number in range(COOKIES)]
    cookies = let_come(study, "machine", visits, rng, _for_one(study))
    review_voters()
    return Stuffed(_aside(cookies), _aside(alone), _aside(hall), cast.board(study).decision.winner)


def honest_crowd(study: Study, people: int, seed: int, *, median_answers: float = 24) -> float:
    """The share set aside of so many honest people who come from one address at once, in an honest study."""
    rng = np.random.default_rng(seed)
    honest = _people_like_them(study, rng)
    let_come(study, "", _sessions(40, rng), rng, honest)
    hall = let_come(study, f"hall-{seed}", _sessions(people, rng, together=True, median=median_answers), rng, honest)
    review_voters()
    return _aside(hall)


def _sessions(people: int, rng: np.random.Generator, *, together: bool = False, median: float = 24) -> list[Schedule]:
    """How people vote: two to three seconds a card, and they leave when they like, half of them within some 24 cards.

    Those who come together scan one code within a minute.
    """
    now = timezone.now()
    spread = 60 if together else _MINUTES * 60
    found = []
    for _ in range(people):
        pace = float(np.clip(rng.lognormal(np.log(2.4), 0.4), 0.6, 12))
        answers = int(np.clip(rng.geometric(np.log(2) / median), 1, 200))
        begin = now - timedelta(seconds=_MINUTES * 60 + 200 * 4 - float(rng.uniform(0, spread)))
        found.append((begin, pace, answers))
    return found


def _people_like_them(study: Study, rng: np.random.Generator) -> Taste:
    pairs = set(Pair.objects.filter(study=study, slot__isnull=False).values_list("pk", flat=True))
    liked = chances_of(study, pairs)
    return lambda pair: "dope" if rng.random() < liked[pair.pk] else "nope"


def _for_one(study: Study) -> Taste:
    """They know by eye which pairs are the favourite's."""
    its = set(
        Nomination.objects.filter(contender__study=study, contender__name=FAVOURITE).values_list("pair", flat=True)
    )
    return lambda pair: "dope" if pair.pk in its else "nope"


def _aside(people: list[Voter]) -> float:
    return Voter.objects.filter(pk__in=[one.pk for one in people]).exclude(blocked_at=None).count() / len(people)
