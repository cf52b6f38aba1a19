"""A simulated crowd: it swipes through the same services as people, and its votes are marked for ever."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from evalapp.core.errors import Conflict, InvalidInput
from evalapp.studies.models import Study, StudyMode
from evalapp.voting.models import Answer, Exposure, Voter
from evalapp.voting.services import Ballot, cast_votes, prepare_golds, serve_deck
from evalapp.voting.tokens import sign_token

_DECK = 50
_NAMESPACE = uuid.UUID("6f1c3c1e-5a0e-4d0b-9a4e-0d6f2f6c9a11")


@dataclass(frozen=True, slots=True)
class Taste:
    """The probability of dope, for pairs of one category and for all others, and how people differ in it.

    `leniency` is the standard deviation, over voters, of what is added to the logit of every probability; `noise` the
    share of answers that are a coin's; `spam` the share of voters all of whose answers are, given in no time.
    """

    alike: float
    other: float
    leniency: float = 0.0
    noise: float = 0.0
    spam: float = 0.0


_HABITS = {"leniency": 10.0, "noise": 1.0, "spam": 1.0}
"""What may be added to a taste, and the most it may be."""


def parse_taste(words: str) -> Taste:
    """`category` (0.9 for pairs of one category, 0.1 for others), `category:0.8,0.3` or `random:0.5`.

    Habits may be added: `category+leniency:0.8+noise:0.05+spam:0.1`. Raises InvalidInput.
    """
    first, *habits = words.split("+")
    kind, given = _read_word(first)
    wanted = {"category": given or [0.9, 0.1], "random": given * 2 if len(given) == 1 else []}.get(kind, [])
    more = dict(map(_read_word, habits))
    right = len(wanted) == 2 and all(0 <= number <= 1 for number in wanted) and len(more) == len(habits)
    if not right or not all(_is_habit(name, values) for name, values in more.items()):
        raise InvalidInput(
            f"{words!r} is not a taste; write category, category:0.9,0.2 or random:0.5, and add what you like of"
            " +leniency:0.8 +noise:0.05 +spam:0.1."
        )
    return Taste(*wanted, **{name: values[0] for name, values in more.items()})


def _read_word(word: str) -> tuple[str, list[float]]:
    name, _, numbers = word.partition(":")
    try:
        return name, [float(number) for number in numbers.split(",")] if numbers else []
    except ValueError:
        return "", []


def _is_habit(name: str, values: list[float]) -> bool:
    return name in _HABITS and len(values) == 1 and 0 <= values[0] <= _HABITS[name]


@dataclass(frozen=True, slots=True)
class _Person:
    """One simulated voter: their leniency (added to logits), noise, and the logarithm of their usual milliseconds."""

    leniency: float
    noise: float
    pace: float

    @classmethod
    def of(cls, taste: Taste, seed: int, number: int) -> _Person:
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
    prepare_golds(study)
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
    person = _Person.of(taste, seed, number)
    while share > 0:
        exposures = serve_deck(study, voter, min(share, _DECK), rng)[:share]
        if not exposures:
            return
        chances = _chances(exposures, taste)
        said = _verdicts(study, exposures, [person.says_dope(chances[one.pk], rng) for one in exposures], rng)
        paces = rng.lognormal(person.pace, 0.5, len(exposures)).astype(int).tolist()
        ballots = [
            Ballot(sign_token(exposure.token), verdict, response_ms=pace)
            for exposure, verdict, pace in zip(exposures, said, paces, strict=True)
        ]
        cast_votes(voter, ballots, simulated=True)
        share -= len(exposures)
        yield len(exposures)


def _chances(exposures: list[Exposure], taste: Taste) -> dict[int, float]:
    """By the exposure's id, with what probability people like it; of known answers they are surer."""
    rows = Exposure.objects.filter(pk__in=[exposure.pk for exposure in exposures])
    fields = ("pk", "expected", "pair__query__item__category", "pair__candidate__category")
    surer = 1.0 if taste.alike == taste.other else 1 / 3
    chances = {}
    for pk, expected, query, candidate in rows.values_list(*fields):
        if expected:
            chances[pk] = 1 - (1 - taste.alike) * surer if expected == Answer.DOPE else taste.other * surer
        else:
            chances[pk] = taste.alike if query and query == candidate else taste.other
    return chances


def _verdicts(study: Study, exposures: list[Exposure], likes: list[bool], rng: np.random.Generator) -> list[Answer]:
    """What is said to each; of two alternatives one wins, or both are equal."""
    said = [Answer.DOPE if liked else Answer.NOPE for liked in likes]
    if study.mode != StudyMode.TWO:
        return said
    for first in range(0, len(exposures) - 1, 2):
        if said[first] == said[first + 1]:
            is_tie, winner = rng.random() < 0.5, int(rng.integers(2))
            said[first + winner] = Answer.TIE if is_tie else Answer.DOPE
            said[first + 1 - winner] = Answer.TIE if is_tie else Answer.NOPE
    return said
