"""Which voters of a study an operator looks at, and who comes first: chosen by the database, a page at a time."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection

from evalapp.core.domain.errors import InvalidInput
from evalapp.stats.voter_honesty import RIGHT, WRONG, chance_of_run
from evalapp.studies.models import Study
from evalapp.voting.domain.verdicts import VERDICTS
from evalapp.voting.domain.void_reasons import UNDONE
from evalapp.voting.models import ExposureKind
from evalapp.voting.queries.voter_quality import NEWEST, VoterLine, lines_of

USUAL = 200
"""So many are shown where nobody says how many."""

STATES = {
    "counts": "who counts",
    "blocked": "the blocked",
    "trusted": "the trusted",
    "simulated": "the simulated",
}
"""Who may be asked for, beside everybody, and what a page calls them."""

ORDERS = {
    "answers": "most answers",
    "honesty": "least honest",
    "again": "least often the same again",
    "fast": "quickest",
    "run": "most suspicious run",
    "address": "most of one address",
}
"""Who may be asked to come first, beside the blocked, then most answers. Whoever has no such number comes last."""

_STATE = {
    "": "true",
    "counts": "voter.blocked_at IS NULL",
    "blocked": "voter.blocked_at IS NOT NULL",
    "trusted": "voter.trusted",
    "simulated": "bool_or(vote.simulated)",
}
_EXPOSURES = "JOIN voting_exposure exposure ON exposure.id = vote.exposure_id"
_BEFORE = (
    f"{_EXPOSURES} LEFT JOIN voting_vote before"
    " ON before.exposure_id = exposure.repeats_id AND before.void_reason <> %(undone)s"
)
_SAID = "exposure.expected <> '' AND vote.verdict IN %(verdicts)s AND vote.verdict"
_AGAIN = "exposure.kind = %(repeat)s AND vote.verdict IN %(verdicts)s AND"
_PLACES = (
    "LEFT JOIN (SELECT address, count(*) AS voters FROM voting_voter WHERE address <> '' GROUP BY address) place"
    " ON place.address = voter.address"
)
# The joins that an order needs, and what it looks at, the least first.
_ORDER = {
    "": ("", "voter.blocked_at IS NULL"),
    "answers": ("", "-count(*)"),
    # Grows with the log-odds of `honesty`.
    "honesty": (
        _EXPOSURES,
        f"""%(right)s * count(*) FILTER (WHERE {_SAID} = exposure.expected)
            + %(wrong)s * count(*) FILTER (WHERE {_SAID} <> exposure.expected)""",
    ),
    "again": (
        _BEFORE,
        f"""count(*) FILTER (WHERE {_AGAIN} vote.verdict = before.verdict)::float
            / nullif(count(*) FILTER (WHERE {_AGAIN} before.verdict IN %(verdicts)s), 0)""",
    ),
    "fast": ("", "percentile_cont(0.5) WITHIN GROUP (ORDER BY vote.response_ms)"),
    "address": (_PLACES, "-coalesce(max(place.voters), 1)"),
}
_VOTES = "FROM voting_vote vote JOIN voting_voter voter ON voter.id = vote.voter_id"
_OF_STUDY = "WHERE vote.study_id = %(study)s AND vote.void_reason <> %(undone)s GROUP BY voter.id"
_AFTER_ALL = "voter.blocked_at IS NULL AS welcome, count(*) AS answers"
_LAST = "welcome, answers DESC, id"
_RUNS = re.compile("1+|0+")
_VERDICTS = """right(string_agg(CASE vote.verdict WHEN 'dope' THEN '1' ELSE '0' END, '' ORDER BY vote.id)
    FILTER (WHERE vote.verdict IN %(verdicts)s), %(newest)s)"""


@dataclass(frozen=True, slots=True)
class VoterList:
    """A page of voters, of `found` who are like that, of `all` who voted in the study."""

    lines: list[VoterLine]
    found: int
    all: int


def listed_voters(study: Study, *, state: str = "", order: str = "", limit: int = USUAL, offset: int = 0) -> VoterList:
    """The voters of a study, who are like `state` says, in this order: two statements, however many there are.

    Without an order the blocked come first, then who answered most. Raises InvalidInput for words that nobody knows.
    """
    for name, word, choices in (("state", state, STATES), ("order", order, ORDERS)):
        if word and word not in choices:
            message = f"There is no {name} {word!r}; there are {', '.join(choices)}."
            raise InvalidInput(message, fields={name: [message]})
    read_page = _by_run if order == "run" else _by_database
    page, found, everybody = read_page(study, state, order, limit, offset)
    if offset and not page:
        _, found, everybody = read_page(study, state, order, 1, 0)
    return VoterList(lines_of(study, page), found, everybody)


def _by_database(study: Study, state: str, order: str, limit: int, offset: int) -> tuple[list[UUID], int, int]:
    """The page, how many are like that, and how many there are, by one look at the votes."""
    joins, first = _ORDER[order]
    statement = f"""
        SELECT id, fits, count(*) FILTER (WHERE fits) OVER (), count(*) OVER ()
        FROM (
            SELECT voter.id, {_STATE[state]} AS fits, {first} AS first, {_AFTER_ALL} {_VOTES} {joins} {_OF_STUDY}
        ) voters
        ORDER BY NOT fits, first NULLS LAST, {_LAST} LIMIT %(limit)s OFFSET %(offset)s
    """  # noqa: S608 - made of the words above
    rows = _fetch_rows(statement, study, limit=limit, offset=offset)
    found, everybody = rows[0][2:] if rows else (0, 0)
    return [voter for voter, fits, _, _ in rows if fits], found, everybody


def _by_run(study: Study, state: str, _order: str, limit: int, offset: int) -> tuple[list[UUID], int, int]:
    """By a probability that the database cannot compute: it sends everybody's newest verdicts, a letter for each."""
    statement = f"""
        SELECT id, fits, verdicts
        FROM (
            SELECT voter.id, {_STATE[state]} AS fits, {_VERDICTS} AS verdicts, {_AFTER_ALL} {_VOTES} {_OF_STUDY}
        ) voters
        ORDER BY {_LAST}
    """  # noqa: S608 - made of the words above
    rows = _fetch_rows(statement, study, newest=NEWEST)
    fitting = [(voter, verdicts or "") for voter, fits, verdicts in rows if fits]
    ranked = sorted((_run_chance(verdicts), place) for place, (_, verdicts) in enumerate(fitting))
    return [fitting[place][0] for _, place in ranked[offset : offset + limit]], len(fitting), len(rows)


def _run_chance(verdicts: str) -> float:
    longest = max(map(len, _RUNS.findall(verdicts)), default=0)
    return chance_of_run(verdicts.count("1"), len(verdicts), longest)


def _fetch_rows(statement: str, study: Study, **params: Any) -> Sequence[tuple[Any, ...]]:
    params |= {"study": study.pk, "undone": UNDONE, "verdicts": VERDICTS, "repeat": ExposureKind.REPEAT}
    with connection.cursor() as cursor:
        cursor.execute(statement, params | {"right": RIGHT, "wrong": WRONG})
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows
