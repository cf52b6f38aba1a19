"""What a simulated crowd likes, and how people differ in it, as an operator writes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from evalapp.core.domain.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Taste:
    """The probability of dope, for pairs that are alike and for all others, and how people differ in it.

    What makes a pair alike is its category, its colours, or both (`outfit`); of an outfit `half` is the probability for
    pairs of one category in other colours.
    `leniency` is the standard deviation, over voters, of what is added to the logit of every probability; `noise` the
    share of answers that are a coin's; `spam` the share of voters all of whose answers are, given in no time.
    """

    alike: float
    other: float
    half: float = 0.0
    by: Literal["category", "colour", "outfit"] = "category"
    leniency: float = 0.0
    noise: float = 0.0
    spam: float = 0.0


_USUAL = {"category": [0.9, 0.1], "colour": [0.85, 0.15], "outfit": [0.9, 0.35, 0.05], "random": [0.5]}
"""The kinds of taste, with their usual probabilities."""
_HABITS = {"leniency": 10.0, "noise": 1.0, "spam": 1.0}
"""What may be added to a taste, and the most it may be."""


def parse_taste(text: str) -> Taste:
    """`category` (0.9 for pairs of one category, 0.1 for others), `category:0.8,0.3`, `colour` or `colour:0.85,0.15`,
    `outfit` or `outfit:0.9,0.35,0.05` (both, category only, others), or `random:0.5`.

    Habits may be added: `category+leniency:0.8+noise:0.05+spam:0.1`. Raises InvalidInput.
    """
    first, *habits = text.split("+")
    kind, numbers = _read_word(first)
    # `random` has no default probability.
    chances = numbers if kind == "random" else numbers or _USUAL.get(kind, [])
    habit_values = dict(map(_read_word, habits))
    is_valid = kind in _USUAL and len(chances) == len(_USUAL[kind]) and all(0 <= number <= 1 for number in chances)
    is_valid = is_valid and len(habit_values) == len(habits)
    if not is_valid or not all(_is_habit(name, values) for name, values in habit_values.items()):
        raise InvalidInput(
            f"{text!r} is not a taste; write category, category:0.9,0.2, colour, outfit or random:0.5, and add what"
            " you like of +leniency:0.8 +noise:0.05 +spam:0.1."
        )
    habit_fields = {name: values[0] for name, values in habit_values.items()}
    if kind == "outfit":
        return Taste(chances[0], chances[2], chances[1], "outfit", **habit_fields)
    return Taste(chances[0], chances[-1], by="colour" if kind == "colour" else "category", **habit_fields)


def _read_word(part: str) -> tuple[str, list[float]]:
    name, _, numbers = part.partition(":")
    try:
        return name, [float(number) for number in numbers.split(",")] if numbers else []
    except ValueError:
        return "", []


def _is_habit(name: str, values: list[float]) -> bool:
    return name in _HABITS and len(values) == 1 and 0 <= values[0] <= _HABITS[name]
