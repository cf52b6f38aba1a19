"""A square of numbers, every row against every column, tinted by how far they lean."""

from __future__ import annotations

from collections.abc import Sequence

from evalapp.leaderboard.plots.marks import Box, Drawing, Mark, Words
from evalapp.leaderboard.plots.phrases import ENGLISH, Phrases

STEPS = (0.05, 0.35, 0.65, 0.95)
"""Below the first the column clearly wins, above the last the row does; between, they lean or nobody knows."""


def tone(share: float | None) -> str:
    """`cell-0` (column wins) … `cell-4` (row wins), `cell-none` where there is nothing to say."""
    return "cell-none" if share is None else f"cell-{sum(share >= step for step in STEPS)}"


def heat(
    name: str,
    title: str,
    summary: str,
    names: Sequence[str],
    shares: Sequence[Sequence[float | None]],
    *,
    width: float = 720,
    phrases: Phrases = ENGLISH,
) -> Drawing:
    """`shares[row][column]`: the probability that the row is better. Columns bear the numbers of the rows."""
    labels = min(0.4 * width, 44 + 7.4 * max((len(text) for text in names), default=0))
    side = (width - labels) / max(1, len(names))
    height = min(side, 34.0)
    marks: list[Mark] = []
    for row, text in enumerate(names):
        y = 26 + row * height
        marks.append(Words("name", 0, y + height / 2, f"{row + 1}  {text}"))
        marks.append(Words("axis", labels + (row + 0.5) * side, 13, str(row + 1), "middle"))
        for column, share in enumerate(shares[row]):
            x = labels + column * side
            marks.append(
                Box(tone(share), x + 1, y + 1, side - 2, height - 2, _hint(phrases, names[row], names[column], share))
            )
            if share is not None:
                marks.append(
                    Words("value" if side >= 40 else "axis", x + side / 2, y + height / 2, told(share), "middle")
                )
    return Drawing(name, title, summary, width, 26 + len(names) * height + 4, tuple(marks))


def told(share: float) -> str:
    """A probability in as few signs as honesty allows: never 0 or 1."""
    return "<1" if share < 0.01 else ">99" if share > 0.99 else f"{100 * share:.0f}"


def _hint(phrases: Phrases, row: str, column: str, share: float | None) -> str:
    if share is None:
        return ""
    return phrases.better.format(row=row, column=column, chance=phrases.percent.format(number=told(share)))
