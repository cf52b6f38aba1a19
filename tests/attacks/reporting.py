"""Attack 2: throw-away cookies report everything they are dealt."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from evalapp.studies.models import Pair, Study
from evalapp.studies.services.pair_flags import flagged_pairs
from evalapp.voting.domain.tokens import sign_token
from evalapp.voting.models import Voter
from evalapp.voting.queries import deck_reads
from evalapp.voting.services.deck_serving import serve_deck
from evalapp.voting.services.vote_casting import Ballot, cast_votes

COOKIES = 100


@dataclass(frozen=True, slots=True)
class Reported:
    """Share of the study's pairs out of play, and how many somebody new can still be dealt of twenty asked for."""

    out_of_play: float
    dealt_to_somebody_new: int


def report_everything(study: Study, each: int, *, answers_first: int = 0) -> Reported:
    """Each cookie, from an address of its own, answers some pairs like anybody and reports what it is dealt then."""
    for number in range(COOKIES):
        address = hashlib.sha256(str(number).encode()).hexdigest()[:32]
        voter = Voter.objects.create(address=address)
        exposures = [one for _ in range((each + answers_first) // 20 + 1) for one in serve_deck(study, voter, 20)]
        exposures = exposures[: answers_first + each]
        said = ["dope"] * answers_first + ["report"] * each
        cast_votes(voter, [Ballot(sign_token(one.token), what) for one, what in zip(exposures, said, strict=False)])
    deck_reads._cached_pools.clear()  # A minute later.
    pairs = Pair.objects.filter(study=study, slot__isnull=False).count()
    dealt = serve_deck(study, Voter.objects.create(), 20)
    return Reported(len(flagged_pairs(study)) / pairs, len(dealt))
