"""What runs learn from votes: also where queries come from elsewhere, never what was flagged."""

from __future__ import annotations

import pytest

from evalapp.catalog.models import Catalogue, Item
from evalapp.catalog.services.item_flags import flag_items
from evalapp.core.services.jobs import request_job
from evalapp.studies.models import Pair, Study
from evalapp.studies.services import StudyPlan, create_study, open_study
from evalapp.studies.services.pair_flags import flag_pairs
from evalapp.training.pipeline.datasets.vote_data import data_of
from evalapp.training.queries.vector_references import of_runs
from evalapp.training.services.retraining import begin_retraining
from tests.training.loops import do, vote

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def across_domains(slug: str, votes: int) -> Study:
    """Street photographs ask, shop photographs answer; people like what is of the same product."""
    study = create_study(
        StudyPlan(
            slug="across",
            catalogue=Catalogue.objects.get(slug=slug),
            contenders=["tiny.fc6:cosine", "colours:l1"],
            queries=60,
            top_k=3,
            gallery_domain="shop",
            query_domain="street",
        )
    )
    do(request_job("precompute", f"study:{study.pk}"))
    open_study(study)
    study.refresh_from_db()
    if votes:
        vote(study, votes, alike, voters=8)
    return study


def alike(pair: Pair) -> bool:
    return bool(pair.query.item.category == pair.candidate.category)


def test_votes_across_domains_are_learnt_from(striped: str) -> None:
    study = across_domains(striped, votes=320)
    turn = begin_retraining(study, recipe="adapter", name="child", sources=["tiny.fc6"])
    domain_of = dict(Item.objects.values_list("key", "domain"))

    do(turn.run.job)

    turn.run.refresh_from_db()
    assert turn.run.model is not None, turn.run.job.error
    assert turn.run.metrics["splits"]["votes"] == study.votes.count()
    assert turn.run.metrics["splits"]["learnt from"] > 40
    data = data_of(turn.run)
    assert {domain_of[data.keys[row]] for row in data.gallery_rows()} == {"shop"}
    assert {domain_of[data.keys[row]] for row in data.asking_rows()} == {"street"}


def test_the_vectors_of_queries_from_elsewhere_are_kept_for_a_run_that_waits(striped: str) -> None:
    study = across_domains(striped, votes=0)
    begin_retraining(study, recipe="adapter", name="child", sources=["tiny.fc6"])

    needed = set(next(need.items() for need in of_runs()))

    assert set(study.queries.values_list("item_id", flat=True)) <= needed
    assert set(study.gallery.items) <= needed


def test_flagged_pairs_and_items_are_not_learnt_from(striped: str) -> None:
    study = across_domains(striped, votes=40)
    turn = begin_retraining(study, recipe="adapter", name="child", sources=["tiny.fc6"])
    before = data_of(turn.run)
    voted = Pair.objects.filter(study=study, dope__gt=0)
    one, other = voted[0], voted[1]

    flag_pairs(study, [one.pk], "wrong label")
    flag_items(striped, [other.query.item.key], "wrong label")

    after = data_of(turn.run)
    pairs = {(after.keys[q], after.keys[c]) for q, c in zip(after.ballots.query, after.ballots.candidate, strict=True)}
    assert len(after.ballots) < len(before.ballots)
    assert (one.query.item.key, one.candidate.key) not in pairs
    assert other.query.item.key not in {query for query, _ in pairs}
