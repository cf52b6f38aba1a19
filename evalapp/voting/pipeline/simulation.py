"""A simulated crowd: it swipes through the same services as people, and its votes are marked for ever."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from evalapp.core.domain.errors import Conflict, InvalidInput
from evalapp.core.services.deeds import recorded
from evalapp.studies.models import Study, StudyMode
from evalapp.voting.domain.simulated_tastes import Taste
from evalapp.voting.domain.tokens import sign_token
from evalapp.voting.models import Answer, Exposure, Voter
from evalapp.voting.pipeline.colour_similarity import Colours
from evalapp.voting.services.deck_serving import serve_deck
from evalapp.voting.services.gold_pairs import prepare_golds
from evalapp.voting.services.vote_casting import Ballot, cast_votes

_DECK = 50
MOST_AT_ONCE = 1000
"""What a request may wait for; the command casts any number."""
_NAMESPACE = uuid.UUID("6f1c3c1e-5a0e-4d0b-9a4e-0d6f2f6c9a11")


@dataclass(frozen=True, slots=True)
class _Person:
    """One simulated voter: their leniency (added to logits), noise, and the logarithm of their usual milliseconds."""

    leniency: float
    noise: float
    pace: float

    @classmethod
    def from_seed(cls, taste: Taste, seed: int, number: int) -> _Person:
        """Always the same one for the same seed and number."""
        rng = np.random.default_rng([seed, number])
        leniency, is_spammer = taste.leniency * rng.standard_normal(), rng.random() < taste.spam
        return cls(leniency, 1.0, 5.0) if is_spammer else cls(leniency, taste.noise, 6.8)

    def says_dope(self, chance: float, rng: np.random.Generator) -> bool:
        """Their answer to a pair that people like with this probability."""
        coin, dope = rng.random(2).tolist()
        if coin < self.noise:
            return bool(dope < 0.5)
        if self.leniency and 0 < chance < 1:
            chance = 1 / (1 + np.exp(-np.log(chance / (1 - chance)) - self.leniency))
        return bool(dope < chance)


@recorded("simulated votes", "study {study}", "{result:,}", piecewise=True)
def simulate_votes(
    study: Study,
    *,
    votes: int,
    voters: int,
    taste: Taste,
    seed: int,
    decide: bool = False,
    advance: Callable[[int], None] = lambda _: None,
) -> int:
    """Let `voters` simulated people cast `votes` in all, the same number each; how many were cast.

    Fewer are cast when they have seen everything. Who votes and what they see and say depends on the seed; the same
    call again goes on where these voters stopped. With `decide` the study's simulated votes may declare a winner; else
    they are a rehearsal. Raises InvalidInput for numbers below 1, Conflict if the study is
    not open.
    """
    if votes < 1 or voters < 1 or seed < 0:
        raise InvalidInput("--votes and --voters must be at least 1, --seed at least 0.")
    if not study.is_open:
        raise Conflict(f"{study} is not open; run: python manage.py open_study {study}")
    if decide and not study.simulated_decide:
        study.simulated_decide = True
        study.save(update_fields=["simulated_decide"])
    prepare_golds(study)
    judge = _Judge(taste)
    cast = 0
    for number, share in enumerate(_split_votes(votes, voters)):
        for done in _simulate_visit(study, judge, seed, number, share):
            cast += done
            advance(done)
    return cast


def _split_votes(votes: int, voters: int) -> Iterator[int]:
    each, rest = divmod(votes, voters)
    return (each + (number < rest) for number in range(voters))


def _simulate_visit(study: Study, judge: _Judge, seed: int, number: int, share: int) -> Iterator[int]:
    voter, _ = Voter.objects.get_or_create(pk=uuid.uuid5(_NAMESPACE, f"{study.slug}/{seed}/{number}"))
    begun = Exposure.objects.filter(study=study, voter=voter).count()
    rng = np.random.default_rng([seed, number, begun])
    person = _Person.from_seed(judge.taste, seed, number)
    while share > 0:
        exposures = serve_deck(study, voter, min(share, _DECK), rng)[:share]
        if not exposures:
            return
        chances = judge.dope_chances(exposures)
        verdicts = _verdicts_from_likes(
            study, exposures, [person.says_dope(chances[one.pk], rng) for one in exposures], rng
        )
        paces = rng.lognormal(person.pace, 0.5, len(exposures)).astype(int).tolist()
        ballots = [
            Ballot(sign_token(exposure.token), verdict, response_ms=pace)
            for exposure, verdict, pace in zip(exposures, verdicts, paces, strict=True)
        ]
        cast_votes(voter, ballots, simulated=True)
        share -= len(exposures)
        yield len(exposures)


class _Judge:
    """With what probability people of a taste like what they are shown."""

    def __init__(self, taste: Taste) -> None:
        self.taste = taste
        self._colours = None if taste.by == "category" else Colours()

    def dope_chances(self, exposures: list[Exposure]) -> dict[int, float]:
        """By the exposure's id; of known answers people are surer."""
        rows = Exposure.objects.filter(pk__in=[exposure.pk for exposure in exposures]).values_list(
            "pk",
            "expected",
            "pair__query__item__category",
            "pair__candidate__category",
            "pair__query__item",
            "pair__candidate",
        )
        shown = list(rows)
        alike = [True] * len(shown)
        if self._colours is not None:
            alike = self._colours.are_alike([(query, candidate) for *_, query, candidate in shown])
        return {
            pk: self._chance_on_gold(expected)
            if expected
            else self._chance_of_dope(bool(one) and one == other, in_colours=near)
            for (pk, expected, one, other, _, _), near in zip(shown, alike, strict=True)
        }

    def _chance_of_dope(self, in_category: bool, *, in_colours: bool) -> float:
        taste = self.taste
        if taste.by == "outfit" and in_category and not in_colours:
            return taste.half
        is_alike = in_colours if taste.by == "colour" else in_category and in_colours
        return taste.alike if is_alike else taste.other

    def _chance_on_gold(self, expected: str) -> float:
        taste = self.taste
        surer = 1.0 if taste.alike == taste.other else 1 / 3
        return 1 - (1 - taste.alike) * surer if expected == Answer.DOPE else taste.other * surer


def _verdicts_from_likes(
    study: Study, exposures: list[Exposure], likes: list[bool], rng: np.random.Generator
) -> list[Answer]:
    """What is said to each; of two alternatives one wins, or both are equal."""
    verdicts = [Answer.DOPE if liked else Answer.NOPE for liked in likes]
    if study.mode != StudyMode.TWO:
        return verdicts
    for first in range(0, len(exposures) - 1, 2):
        if verdicts[first] == verdicts[first + 1]:
            is_tie, winner = rng.random() < 0.5, int(rng.integers(2))
            verdicts[first + winner] = Answer.TIE if is_tie else Answer.DOPE
            verdicts[first + 1 - winner] = Answer.TIE if is_tie else Answer.NOPE
    return verdicts
