"""People are not asked about pictures that a contender was trained on, unless the operator insists."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from evalapp.catalog.models import Item
from evalapp.contenders.models import TrainedOn
from evalapp.studies.models import Gallery, Study
from evalapp.studies.services import start_round
from tests.training.test_train import train

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def shown(study: Study) -> set[str]:
    """SHA-256 of the pictures that may be nominated or asked about."""
    items = {*Gallery.objects.get(study=study).items, *study.queries.values_list("item", flat=True)}
    return set(Item.objects.filter(pk__in=items).values_list("picture__sha256", flat=True))


@pytest.fixture
def seen(striped: str) -> set[str]:
    """Pictures that the model `learnt` was trained on."""
    run = train("retrain", "hidden=8", "epochs=1")
    assert run.model is not None
    return set(run.model.trained_on.pictures)


def make(slug: str, *words: str) -> Study:
    call_command("create_study", slug, "--catalogue", "striped", *words)
    return Study.objects.get(slug=slug)


def test_the_pool_holds_no_picture_that_a_contender_was_trained_on(seen: set[str]) -> None:
    study = make("fair", "--contender", "learnt:l2", "--contender", "tiny.fc6:l2")
    assert seen
    assert not shown(study) & seen
    assert len(shown(study)) == 120 - len(seen)


def test_the_operator_may_insist_and_the_board_says_so(seen: set[str], client: Client) -> None:
    study = make("open-eyed", "--contender", "learnt:l2", "--allow-training-pictures", "--board", "public")
    assert shown(study) & seen
    Study.objects.filter(pk=study.pk).update(state="open")
    assert b"trained on pictures that are shown here" in client.get("/leaderboard/open-eyed/").content


def test_a_round_that_a_trained_model_joins_drops_its_pictures(seen: set[str]) -> None:
    before = make("first", "--contender", "tiny.fc6:l2")
    assert shown(before) & seen
    following = start_round(before, add=["learnt:l2"])
    assert not shown(following) & seen


def test_where_nothing_unseen_is_left_the_way_out_is_named(seen: set[str]) -> None:
    TrainedOn.objects.update(pictures=list(Item.objects.values_list("picture__sha256", flat=True)))
    with pytest.raises(CommandError, match="--allow-training-pictures"):
        make("nothing-left", "--contender", "learnt:l2")
