"""Whoever reads everything public around each own vote learns neither who put the pair first nor what kind it is."""

from __future__ import annotations

import pytest

from evalapp.leaderboard import api, services
from evalapp.leaderboard.models import PublishedBoard
from evalapp.leaderboard.pages import board_view
from evalapp.studies.models import Study
from evalapp.studies.queries import study_reads
from evalapp.voting.queries import blind_payload
from tests.attacks import IS_WHOLE, note, sized
from tests.attacks.arena import arena
from tests.attacks.reading import guess_contenders, guess_kinds, read_and_vote

# Each request commits, as on a server: within one transaction a thousand rounds of changes to the same rows of the sums
# would pile up, and each would be read past ever more of them.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database]

MOST = 0.55
SEEN = 0.75
"""An attack that sees is far above this, also in the low end of the wide interval that thirty votes have."""


@pytest.fixture
def study() -> Study:
    return arena(queries=sized(60, 120), gold_share=0.15, repeat_share=0.05)


def with_known_answers(study: Study, percent: int) -> None:
    """Of few votes so many that some in each fold have a known answer, whatever is drawn."""
    study.gold_share = percent / 100
    study.save(update_fields=["gold_share"])


def test_nothing_public_tells_contenders_or_kinds(study: Study, capsys: pytest.CaptureFixture[str]) -> None:
    with_known_answers(study, sized(30, 15))
    own = read_and_vote(study, sized(60, 300))
    contenders, kinds = guess_contenders(own), guess_kinds(own)
    with capsys.disabled():
        print(f"\ncontenders {contenders}\nkinds {kinds}")
    reads = "everything public read before and after each own vote, with undo, five contenders"
    note(f"{reads}: who put the pair first?", f"AUC ≤ {MOST}", str(contenders))
    note(f"{reads}: was the answer known?", f"AUC ≤ {MOST}", str(kinds))
    assert PublishedBoard.objects.filter(published_at__isnull=False).count() >= sized(1, 5)
    for found in (contenders, kinds):
        # Few votes have a wide interval: within the suite chance has to be in it.
        assert found.auc <= MOST if IS_WHOLE else found.low <= MOST


def test_the_attack_sees_through_a_live_board(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it was: every vote moved the public board at once."""
    monkeypatch.setattr(api, "board_as_published", services.board_of)
    monkeypatch.setattr(board_view.Reading, "is_live", True)
    own = read_and_vote(study, 30)
    assert guess_contenders(own).low > SEEN


def test_the_attack_knows_kinds_by_a_live_count_or_by_addresses(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it was: the number of votes rose for usual pairs only, and a picture had one address."""
    monkeypatch.setattr(study_reads, "votes_told", study_reads.votes_of)
    monkeypatch.setattr(blind_payload, "names_once", lambda public_id, _occasion: public_id)
    with_known_answers(study, 40)
    own = read_and_vote(study, 30)
    assert guess_kinds(own).low > SEEN
