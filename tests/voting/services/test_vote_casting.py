"""What counts as a cast vote is written twice, in SQL for nearly all votes and in Python for the rest: twins."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from evalapp.studies.models import Pair, PairFlag, Study, StudyMode, StudyState
from evalapp.voting.domain.tokens import sign_token
from evalapp.voting.models import Answer, Exposure, ExposureKind, Vote, Voter
from evalapp.voting.services import vote_casting as module
from evalapp.voting.services.vote_casting import Ballot, cast_votes
from tests import cast

pytestmark = [pytest.mark.django_db, pytest.mark.database]

PAIRS = 5
ANSWERS = st.sampled_from(Answer.values)
CLIENTS = st.sampled_from(["", "a", "b"])
NOW = timezone.now()
LAST_MOMENT = settings.EXPOSURE_MAX_AGE - settings.EXPOSURE_LEASE
"""How long after the end of its lease an exposure can still be answered."""


@dataclass(frozen=True)
class Shown:
    """One exposure before anything is sent: whose it is, how old, and what was said to it already."""

    kind: str
    mine: bool
    overdue: timedelta
    answered: str | None
    undone: tuple[str, str] | None


@dataclass(frozen=True)
class Sent:
    """One ballot: the place of its exposure, with places beyond the last for tokens that nobody issued."""

    place: int
    verdict: str
    client_id: str
    response_ms: int | None


def _mostly(usual: Any, *others: Any) -> st.SearchStrategy[Any]:
    """In four of five cases the usual: else nearly no example would record anything."""
    return st.sampled_from([usual] * 4 * len(others) + list(others))


SHOWN = st.builds(
    Shown,
    kind=st.sampled_from(ExposureKind.values),
    mine=_mostly(True, False),
    overdue=_mostly(timedelta(0), LAST_MOMENT, LAST_MOMENT + timedelta(microseconds=1)),
    answered=_mostly(None, *Answer.values),
    undone=_mostly(None, *((verdict, client) for verdict in Answer.values for client in ("", "a", "b"))),
)
SENT = st.builds(
    Sent,
    place=st.integers(0, PAIRS + 1),
    verdict=ANSWERS,
    client_id=CLIENTS,
    response_ms=st.none() | st.integers(0, 2**31 - 1),
)


@pytest.fixture
def study() -> Study:
    return cast.open_study(queries=4)


@hypothesis_settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    mode=st.sampled_from(StudyMode.values),
    state=_mostly(StudyState.OPEN, StudyState.CLOSED),
    person=_mostly("free", "blocked", "forgotten", "nobody"),
    simulated=st.booleans(),
    shown=st.lists(SHOWN, min_size=PAIRS, max_size=PAIRS),
    sent=st.lists(SENT, min_size=1, max_size=7),
)
def test_both_ways_of_casting_write_the_same_rows_counts_and_receipts(
    study: Study, mode: str, state: str, person: str, simulated: bool, shown: list[Shown], sent: list[Sent]
) -> None:
    _assert_twins(study, mode, state, person, simulated, shown, sent)


@pytest.mark.parametrize("kind", ExposureKind.values)
@pytest.mark.parametrize("mode", StudyMode.values)
def test_both_ways_treat_every_verdict_on_every_kind_alike(study: Study, mode: str, kind: str) -> None:
    shown = [Shown(kind, True, timedelta(0), None, None)] * PAIRS
    sent = [Sent(place, verdict, "", 700) for place, verdict in enumerate(Answer.values)]
    _assert_twins(study, mode, StudyState.OPEN, "free", False, shown, sent)


def _assert_twins(
    study: Study, mode: str, state: str, person: str, simulated: bool, shown: list[Shown], sent: list[Sent]
) -> None:
    point = transaction.savepoint()
    Study.objects.filter(pk=study.pk).update(mode=mode, state=state)
    voter = _person(person)
    tokens = _exposures(study, voter, shown)
    ballots = [_ballot(one, tokens) for one in sent]
    sender = None if person == "nobody" else voter
    quick, thorough = (_outcome(sender, ballots, simulated, quick=way) for way in (True, False))
    transaction.savepoint_rollback(point)
    assert quick == thorough


def test_the_quick_way_is_the_usual_one(study: Study) -> None:
    voter = Voter.objects.create()
    tokens = _exposures(study, voter, [Shown("study", True, timedelta(0), None, None)] * PAIRS)
    ballots = [Ballot(sign_token(token), "dope") for token in tokens]
    with patch.object(module, "_LockedExposures", None):
        assert [receipt.status for receipt in cast_votes(voter, ballots)] == ["recorded"] * PAIRS


def _person(person: str) -> Voter:
    blocked, forgotten = person == "blocked", person == "forgotten"
    return Voter.objects.create(
        blocked_at=NOW if blocked else None,
        block_reason="too_fast" if blocked else "",
        forgotten_at=NOW if forgotten else None,
    )


def _exposures(study: Study, voter: Voter, shown: Sequence[Shown]) -> list[uuid.UUID]:
    other, pairs = Voter.objects.create(), Pair.objects.filter(study=study).order_by("pk")[: len(shown)]
    tokens = []
    for pair, one in zip(pairs, shown, strict=True):
        exposure = Exposure.objects.create(
            study=study,
            pair=pair,
            voter=voter if one.mine else other,
            kind=one.kind,
            propensity=0.1,
            leased_until=NOW - one.overdue,
            answered_at=NOW if one.answered else None,
            taken_back=1 if one.undone else 0,
        )
        tokens.append(exposure.token)
        about = {"exposure": exposure, "study": study, "pair": pair, "voter": exposure.voter}
        if one.undone:
            verdict, client = one.undone
            Vote.objects.create(**about, verdict=verdict, client_id=client, counted=False, void_reason="undone")
        if one.answered:
            Vote.objects.create(**about, verdict=one.answered, client_id="a")
    return tokens


def _ballot(sent: Sent, tokens: list[uuid.UUID]) -> Ballot:
    strange = [sign_token(uuid.UUID(int=1)), "nonsense"]
    token = sign_token(tokens[sent.place]) if sent.place < len(tokens) else strange[sent.place - len(tokens)]
    return Ballot(token, sent.verdict, sent.response_ms, sent.client_id)


def _outcome(voter: Voter | None, ballots: list[Ballot], simulated: bool, *, quick: bool) -> tuple[Any, ...]:
    """Receipts, and all rows that casting may change; the database is then as it was before."""
    point = transaction.savepoint()
    with patch.object(module, "timezone", _Clock):
        if quick:
            receipts = cast_votes(voter, ballots, simulated=simulated)
        else:
            with patch.object(module, "_record_open", lambda *_: set()):
                receipts = cast_votes(voter, ballots, simulated=simulated)
    rows = _rows()
    transaction.savepoint_rollback(point)
    return receipts, *rows


class _Clock:
    """Both ways are asked at the same moment."""

    @staticmethod
    def now() -> datetime:
        return NOW


def _rows() -> tuple[list[Any], ...]:
    columns = ("exposure", "study", "pair", "voter", "verdict", "response_ms", "client_id", "counted", "void_reason")
    votes = Vote.objects.order_by("exposure", "pk").values_list(*columns, "simulated", "voted_at")
    exposures = Exposure.objects.order_by("pk").values_list("pk", "answered_at", "leased_until", "taken_back")
    counts = Pair.objects.order_by("pk").values_list("pk", "dope", "nope", "skip")
    flags = PairFlag.objects.order_by("pair").values_list("pair", "reports", "state")
    return list(votes), list(exposures), list(counts), list(flags)
