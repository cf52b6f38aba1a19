"""A study that a crowd has voted on, for the tests of the board: the rows as the services leave them, in bulk."""

from __future__ import annotations

from collections import Counter

import numpy as np
from django.db import connection
from django.utils import timezone

from evalapp.leaderboard.services import update_sums
from evalapp.studies.models import BoardVisibility, Pair, Study
from evalapp.studies.services import store_evaluation
from evalapp.voting.models import Exposure, Vote, Voter
from tests import cast

ALIKE, OTHER = 0.9, 0.2
"""How likely dope is for pairs of one category and of two: fc6 is liked at 0.9, the others at 0.55."""


def voted_study(
    votes: int = 400, voters: int = 40, board: BoardVisibility = BoardVisibility.PUBLIC, slug: str = "match"
) -> Study:
    """A study of 40 queries with votes of people who like what matches, drawn by the uniform design."""
    study = cast.open_study(slug, queries=40, board=board)
    let_vote(study, votes, voters)
    return study


def let_vote(study: Study, votes: int, voters: int, seed: int = 1) -> None:
    """So many votes, the same number of each of so many new voters, each pair at most once per voter."""
    random = np.random.default_rng(seed)
    pairs = list(Pair.objects.filter(study=study, slot__isnull=False).select_related("query__item", "candidate"))
    queries = study.queries.filter(slots__gt=0).count()
    chances = np.array([1 / (queries * pair.query.slots) for pair in pairs])
    people = Voter.objects.bulk_create(Voter() for _ in range(voters))
    exposures = [
        Exposure(
            voter=person, study=study, pair=pairs[place], propensity=chances[place],
            leased_until=timezone.now(), answered_at=timezone.now(),
        )
        for number, person in enumerate(people)
        for place in random.choice(len(pairs), votes // voters + (number < votes % voters), False, chances)
    ]  # fmt: skip
    Exposure.objects.bulk_create(exposures)
    cast_votes = [
        Vote(exposure=one, study=study, pair=one.pair, voter=one.voter, verdict=_verdict(one.pair, random))
        for one in exposures
    ]
    Vote.objects.bulk_create(cast_votes)
    counts = Counter((vote.pair_id, vote.verdict) for vote in cast_votes)
    for pair in pairs:
        pair.dope += counts[pair.pk, "dope"]
        pair.nope += counts[pair.pk, "nope"]
    Pair.objects.bulk_update(pairs, ["dope", "nope"])
    with connection.cursor() as cursor:
        # As the server would by itself: without statistics the slow twins below take minutes.
        cursor.execute("ANALYZE voting_vote, voting_exposure, studies_pair, studies_query, studies_nomination")
    update_sums(study)


def _verdict(pair: Pair, random: np.random.Generator) -> str:
    alike = pair.query.item.category == pair.candidate.category
    return "dope" if random.random() < (ALIKE if alike else OTHER) else "nope"


def let_score(study: Study) -> None:
    """Automatic scores that tell the contenders apart."""
    lines = [
        {
            "contender": name, "category_match": value, "low": value - 0.1, "high": value + 0.1,
            "product_recall_at_1": 0.1, "product_recall_low": 0.0, "product_recall_high": 0.2,
        }
        for name, value in ((cast.FC6, 0.9), (cast.FC7, 0.5))
    ]  # fmt: skip
    store_evaluation(study, {"contenders": lines})
