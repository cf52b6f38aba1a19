"""Designs that were published: pairs are drawn by the newest, and each exposure says by which."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from scipy.stats import chisquare

from evalapp.core.domain.errors import InvalidInput
from evalapp.studies.models import Pair, Study
from evalapp.voting.models import Exposure, ExposureKind
from evalapp.voting.services.deck_serving import serve_deck
from evalapp.voting.services.designs import publish_design
from tests import cast

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture
def study() -> Study:
    return cast.open_study(queries=100)


def slots(study: Study) -> np.ndarray:
    return np.array(Pair.objects.filter(study=study, slot__isnull=False).order_by("pk").values_list("pk", flat=True))


def lopsided(pairs: np.ndarray) -> np.ndarray:
    weights = np.arange(1, len(pairs) + 1, dtype=np.float64)
    return weights / weights.sum()


def test_without_a_design_the_uniform_one_draws(study: Study) -> None:
    serve_deck(study, cast.ada(), 5)
    assert set(Exposure.objects.values_list("design_version", flat=True)) == {None}


def test_the_newest_design_draws_and_is_named(study: Study) -> None:
    pairs = slots(study)
    publish_design(study, pairs, lopsided(pairs)[::-1], method="test")
    for _ in range(3):
        serve_deck(study, cast.ada(), 1)
    publish_design(study, pairs, lopsided(pairs), method="test")
    for _ in range(3):
        serve_deck(study, cast.ada(), 1)
    assert Counter(Exposure.objects.values_list("design_version", flat=True)) == {1: 3, 2: 3}
    chances = dict(zip(pairs.tolist(), lopsided(pairs).tolist(), strict=True))
    for exposure in Exposure.objects.filter(design_version=2):
        assert exposure.propensity == pytest.approx(chances[exposure.pair_id])


def test_pairs_come_as_often_as_the_design_says(study: Study) -> None:
    pairs = slots(study)
    chances = lopsided(pairs)
    publish_design(study, pairs, chances, method="test")
    rng = np.random.default_rng(5)
    first = [serve_deck(study, cast.ada(), 1, rng)[0].pair_id for _ in range(400)]
    parts = np.array_split(np.arange(len(pairs)), 8)
    counts = [sum(pair in set(pairs[part].tolist()) for pair in first) for part in parts]
    assert chisquare(counts, [400 * chances[part].sum() for part in parts]).pvalue > 0.001


def test_a_design_is_followed_when_much_was_seen(study: Study) -> None:
    pairs = slots(study)
    chances = lopsided(pairs)
    publish_design(study, pairs, chances, method="test")
    voter = cast.ada()
    exposures = serve_deck(study, voter, 50) + serve_deck(study, voter, 50)
    left = dict(zip(pairs.tolist(), chances.tolist(), strict=True))
    for exposure in exposures:
        expected = left.pop(exposure.pair_id)
        assert exposure.propensity == pytest.approx(expected / (sum(left.values()) + expected))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda pairs, chances: (pairs[1:], chances[1:] / chances[1:].sum()),
        lambda pairs, chances: (pairs, chances * 2),
        lambda pairs, chances: (pairs, np.where(chances == chances.min(), 0.0, chances)),
        lambda pairs, chances: (pairs + 1_000_000, chances),
        lambda pairs, chances: (np.append(pairs[1:], pairs[1]), chances),
        lambda pairs, chances: (pairs, chances * np.nan),
        lambda pairs, chances: (pairs, chances[1:]),
    ],
)
def test_a_design_that_is_off_is_refused(study: Study, spoil) -> None:  # type: ignore[no-untyped-def]
    pairs = slots(study)
    with pytest.raises(InvalidInput, match="design"):
        publish_design(study, *spoil(pairs, lopsided(pairs)), method="test")
    assert not study.designs.exists()


def without_a_chance_for_one(chances: np.ndarray) -> np.ndarray:
    kept = np.where(chances == chances.min(), 0.0, chances)
    return kept / kept.sum()


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda pairs, chances: (pairs, without_a_chance_for_one(chances)), "above 0"),
        (lambda pairs, chances: (pairs, np.append(chances[1:], np.inf)), "above 0"),
        (lambda pairs, chances: (pairs, np.append(chances[:-2], chances[-2:].sum())), "one probability for each pair"),
        (lambda pairs, chances: (pairs[:, None], chances[:, None]), "one probability for each pair"),
        (lambda pairs, chances: (pairs, chances * (1 + 1e-6)), "sum to 1"),
    ],
)
def test_a_refusal_says_what_is_off(study: Study, spoil, told: str) -> None:  # type: ignore[no-untyped-def]
    pairs = slots(study)
    with pytest.raises(InvalidInput, match=told):
        publish_design(study, *spoil(pairs, lopsided(pairs)), method="test")
    assert not study.designs.exists()


def test_pairs_that_only_the_random_control_put_first_are_marked(study: Study) -> None:
    for exposure in serve_deck(study, cast.ada(), 50):
        names = set(exposure.pair.nominations.filter(rank=1).values_list("contender__name", flat=True))
        assert (exposure.kind == ExposureKind.CONTROL) is (names == {cast.CONTROL})
