"""One place says which answers count for what; SQL in files repeats it as literals, which a test compares."""

from __future__ import annotations

from pathlib import Path

import pytest

from evalapp.voting import services
from evalapp.voting.domain import verdicts, void_reasons
from evalapp.voting.models import Answer, ExposureKind, Voter

SQL = Path(services.__file__).parent / "sql"


def in_sql(values: tuple[str, ...]) -> str:
    return f"IN ({', '.join(repr(value) for value in values)})"


@pytest.mark.parametrize("answers", [verdicts.VERDICTS, verdicts.PAIR_ANSWERS])
def test_what_counts_is_an_answer(answers: tuple[str, ...]) -> None:
    assert set(answers) <= set(Answer.values)


@pytest.mark.parametrize("kinds", [verdicts.DRAWN_KINDS, verdicts.PAIR_KINDS])
def test_what_is_counted_for_is_a_kind(kinds: tuple[str, ...]) -> None:
    assert set(kinds) <= set(ExposureKind.values)


@pytest.mark.parametrize(
    ("file", "values"),
    [
        ("cast_votes", verdicts.PAIR_KINDS),
        ("cast_votes", verdicts.PAIR_ANSWERS),
        ("repeatable_votes", verdicts.VERDICTS),
        ("repeatable_votes", verdicts.DRAWN_KINDS),
    ],
)
def test_the_functions_of_the_database_count_the_same(file: str, values: tuple[str, ...]) -> None:
    assert in_sql(values) in (SQL / f"{file}.sql").read_text(encoding="utf-8")


def test_every_reason_fits_its_column() -> None:
    reasons = [value for name, value in vars(void_reasons).items() if name.isupper()]
    longest = Voter._meta.get_field("block_reason").max_length
    assert len(reasons) == len(set(reasons)) == 7
    assert all(len(reason) <= longest for reason in reasons)
