"""A square of numbers, every row against every column, tinted by how far they lean."""

from __future__ import annotations

from collections.abc import Sequence

from evalapp.plots.marks import Box, Drawing, Mark, Words
from evalapp.plots.plot_texts import ENGLISH, Phrases, rounded_share

LEANING = 0.5
"""Of the evidence that decides: from this part of it on, a cell leans to one side."""

_DOUBT = 1e-6
"""Of a probability that was estimated, so much is always left."""


def cell_tone(sure: float | None) -> str:
    """`cell-0` (the column is surely better) … `cell-4` (the row is), `cell-none` where there is nothing to say.

    `sure`: the evidence for the row over what decides, 1 and more: decided; below 0, that for the column.

    >>> [tone(sure) for sure in (None, -1.2, -0.6, 0.1, 0.6, 1.0)]
    ['cell-none', 'cell-0', 'cell-1', 'cell-2', 'cell-3', 'cell-4']
    """
    if sure is None:
        return "cell-none"
    strong = 2 if abs(sure) >= 1 else 1 if abs(sure) >= LEANING else 0
    return f"cell-{2 + (strong if sure > 0 else -strong)}"


def draw_heat(
    name: str,
    title: str,
    summary: str,
    names: Sequence[str],
    shares: Sequence[Sequence[float | None]],
    sure: Sequence[Sequence[float | None]],
    *,
    width: float = 720,
    phrases: Phrases = ENGLISH,
) -> Drawing:
    """`shares[row][column]`: the probability that the row is better; `sure` the evidence for it, by which a cell is
    tinted (see `cell_tone`). Columns bear the numbers of the rows."""
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
                Box(
                    cell_tone(sure[row][column]),
                    x + 1,
                    y + 1,
                    side - 2,
                    height - 2,
                    _cell_hint(phrases, names[row], names[column], share),
                )
            )
            if share is not None:
                marks.append(
                    Words(
                        "value" if side >= 40 else "axis", x + side / 2, y + height / 2, honest_percent(share), "middle"
                    )
                )
    return Drawing(name, title, summary, width, 26 + len(names) * height + 4, tuple(marks))


def honest_percent(share: float) -> str:
    """A probability in as few signs as honesty allows: never 0 or 1."""
    mark, percent = rounded_share(min(max(share, _DOUBT), 1 - _DOUBT))
    return f"{mark}{percent:.0f}"


def _cell_hint(phrases: Phrases, row: str, column: str, share: float | None) -> str:
    if share is None:
        return ""
    return phrases.better.format(row=row, column=column, chance=phrases.percent.format(number=honest_percent(share)))
