"""What is broken, and what is left alone since no test could notice."""

from __future__ import annotations

import ast

from tests.mutation.mutants import mutants_of

SOURCE = '''"""A module of 3 lines."""
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    LIMIT = 4

@decorated(5)
def share(right: int, total: int = 6, *, exact: bool = False) -> float:
    """At most 1."""
    if total < 1 and not exact:
        raise ValueError(f"{total + 1} is too few.")
    note(right)
    return min(right / total, zipped(right, strict=True))
'''


def changes(source: str) -> set[str]:
    return {f"{mutant.before} → {mutant.after}" for mutant in mutants_of("share.py", source)}


def test_every_place_is_broken_in_its_way() -> None:
    assert changes(SOURCE) == {
        "total < 1 → total <= 1",
        "total < 1 and (not exact) → total < 1 or not exact",
        "not exact → exact",
        "1 → 2",
        "6 → 7",
        "False → True",
        "note(right) → pass",
        "right / total → right * total",
    }


def test_one_place_differs_and_the_rest_is_as_it_was() -> None:
    whole = ast.unparse(ast.parse(SOURCE))
    for mutant in mutants_of("share.py", SOURCE):
        assert ast.unparse(ast.parse(mutant.source)) != whole
        before, after = SOURCE.splitlines(), mutant.source.splitlines()
        assert len(before) == len(after)
        assert [line for line, other in enumerate(zip(before, after, strict=True), 1) if other[0] != other[1]] == [
            mutant.line
        ]


def test_columns_are_those_of_bytes() -> None:
    (mutant,) = (one for one in mutants_of("x.py", 'told = "größer", one < two\n') if "<" in one.before)
    assert mutant.source == 'told = "größer", (one <= two)\n'
