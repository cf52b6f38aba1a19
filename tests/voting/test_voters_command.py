"""Voters by command: who they are, and whose votes are set aside."""

from __future__ import annotations

import json

import pytest
from django.core.management import CommandError, call_command

from evalapp.voting.models import Vote
from tests import cast

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def test_a_voter_is_set_aside_and_counts_again(capsys: pytest.CaptureFixture[str]) -> None:
    study, ada = cast.open_study(), cast.ada()
    cast.play(cast.browser_of(ada), study, 4)
    call_command("voters", "match")
    assert str(ada.pk) in capsys.readouterr().out
    call_command("voters", "match", block=str(ada.pk))
    assert not Vote.objects.filter(counted=True).exists()
    call_command("voters", "match", unblock=str(ada.pk))
    assert Vote.objects.filter(counted=True).count() == 4


def test_voters_are_chosen_and_put_in_order(capsys: pytest.CaptureFixture[str]) -> None:
    study, ada, bo = cast.open_study(), cast.ada(), cast.bo()
    for voter, votes in ((ada, 2), (bo, 5)):
        cast.play(cast.browser_of(voter), study, votes)
    call_command("voters", "match", block=str(ada.pk))
    for words, wanted in (
        ({}, [ada, bo]),
        ({"order": "answers"}, [bo, ada]),
        ({"order": "answers", "limit": 1}, [bo]),
        ({"state": "blocked"}, [ada]),
        ({"state": "counts"}, [bo]),
    ):
        capsys.readouterr()
        call_command("voters", "match", json=True, **words)
        assert [line["voter"] for line in json.loads(capsys.readouterr().out)] == [str(one.pk) for one in wanted]
    for words in (["--state", "asleep"], ["--order", "nonsense"]):
        with pytest.raises(CommandError, match="choose from"):
            call_command("voters", "match", *words)


@pytest.mark.parametrize("name", ["nobody", "00000000-0000-0000-0000-000000000000"])
def test_whoever_is_not_there_is_told(name: str) -> None:
    cast.open_study()
    with pytest.raises(CommandError):
        call_command("voters", "match", block=name)
