from __future__ import annotations

from dataclasses import replace

import pytest

from evalapp.catalog.models import Catalogue
from evalapp.core.domain.errors import Conflict, InvalidInput
from evalapp.studies.models import Gallery, Study, StudyState
from evalapp.studies.services import StudyPlan, create_study

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture
def plan(cards: Catalogue) -> StudyPlan:
    return StudyPlan(slug="match", catalogue=cards, contenders=["colours:l1"], gallery=20, queries=6, seed=3)


def _chosen(study: Study) -> tuple[list[int], list[int]]:
    return Gallery.objects.get(study=study).items, list(study.queries.values_list("item_id", flat=True))


def test_it_drafts_a_seeded_choice_of_gallery_and_queries_from_it(plan: StudyPlan) -> None:
    study = create_study(plan)
    gallery, queries = _chosen(study)

    assert study.state == StudyState.DRAFT
    assert (len(gallery), len(queries)) == (20, 6)
    assert len(set(gallery)) == 20
    assert set(queries) <= set(gallery)
    assert study.catalogue_version == plan.catalogue.version


def test_the_same_seed_chooses_the_same_and_another_seed_another(plan: StudyPlan) -> None:
    first = _chosen(create_study(plan))
    assert _chosen(create_study(replace(plan, slug="again"))) == first
    assert _chosen(create_study(replace(plan, slug="other", seed=4))) != first


def test_the_random_control_takes_part_unless_refused(plan: StudyPlan) -> None:
    names = create_study(plan).contenders.values_list("name", flat=True)
    assert list(names) == ["colours:l1", "control"]
    refused = create_study(replace(plan, slug="bare", control=False)).contenders.values_list("name", flat=True)
    assert list(refused) == ["colours:l1"]


def test_numbers_larger_than_the_catalogue_take_all_of_it(plan: StudyPlan) -> None:
    gallery, queries = _chosen(create_study(replace(plan, gallery=999, queries=999)))
    assert (len(gallery), len(queries)) == (24, 24)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"slug": "Not A Slug"}, "cannot stand in an address"),
        ({"contenders": []}, "at least one"),
        ({"contenders": ["colours:l1", "colours.embedding:l1"]}, "named twice"),
        ({"contenders": ["colours:manhattan"]}, "write MODEL.TAP:METRIC"),
        ({"contenders": ["nobody:l1"]}, "names no registered model"),
        ({"contenders": ["colours.fc9:l1"]}, "has no tap 'fc9'"),
        ({"top_k": 0}, "--top-k must be at least 1"),
        ({"queries": 0}, "--queries must be at least 1"),
        ({"gallery": 1}, "--gallery must be at least 2"),
        ({"seed": -1}, "--seed"),
    ],
)
def test_words_that_are_off_are_refused_in_one_line_and_nothing_is_written(
    plan: StudyPlan, change: dict[str, object], words: str
) -> None:
    with pytest.raises(InvalidInput, match=words):
        create_study(replace(plan, **change))  # type: ignore[arg-type]
    assert not Study.objects.exists()


def test_a_slug_that_is_taken_is_a_conflict(plan: StudyPlan) -> None:
    create_study(plan)
    with pytest.raises(Conflict, match="There is a study match already"):
        create_study(plan)
