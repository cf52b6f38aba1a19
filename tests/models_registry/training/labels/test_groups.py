"""Which pictures count as the same, and that each batch across domains holds both sides of every group."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from models_registry.training.common.training_errors import UnusableLabels
from models_registry.training.labels.groups import Groups, check_groups, ways_of
from models_registry.training.labels.label_configs import MetricConfig
from models_registry.training.labels.labelled_pictures import LabelledPictures
from models_registry.training.labels.run_context import Session
from models_registry.training.labels.validation import Way
from tests.models_registry.training.clouds import clouds

CONFIG = MetricConfig(groups=3, per_group=2, categories=2, validation_share=0.2)
ACROSS = replace(CONFIG, by="domains")


def session_of(data: LabelledPictures, config: MetricConfig, folder: Path) -> Session:
    return Session("triplet", data, config, folder)


@pytest.mark.parametrize("by", ["product", "category", "domains"])
def test_what_is_pulled_together_must_be_there(by: str) -> None:
    data, config = clouds(products=6), replace(CONFIG, by=by)
    check_groups(data, config)
    needed = {
        "product": ("products", "has a product"),
        "category": ("categories", "has a category"),
        "domains": ("domains", "no domain street"),
    }
    label, words = needed[by]
    with pytest.raises(UnusableLabels, match=words):
        check_groups(replace(data, **{label: [None] * 24}), config)
    others = {"product": ["categories", "domains"], "category": ["products", "domains"], "domains": ["categories"]}
    check_groups(replace(data, **{name: [None] * 24 for name in others[by]}), config)


def test_pictures_without_a_product_cannot_be_compared_across_domains() -> None:
    with pytest.raises(UnusableLabels, match="has a product"):
        check_groups(replace(clouds(products=6), products=[None] * 24), ACROSS)


def test_a_run_is_judged_by_what_it_pulls_together() -> None:
    assert ways_of(CONFIG) == [Way("")]
    assert ways_of(replace(CONFIG, split="catalogue")) == [Way("", by_roles=True)]
    by_category = replace(CONFIG, by="category")
    assert ways_of(by_category) == [Way("", hide_products=True)]
    assert ways_of(replace(by_category, split="catalogue")) == [Way("", hide_products=True, by_roles=True)]
    assert ways_of(replace(ACROSS, query_domain="a", gallery_domain="b")) == [
        Way("a to b", "a", "b"),
        Way("b to a", "b", "a"),
    ]


@pytest.mark.parametrize("by", ["product", "category"])
def test_groups_are_products_or_categories_and_batches_draw_from_training_alone(by: str, tmp_path: Path) -> None:
    data = clouds(products=30, categories=6)
    products = [None if row % 11 == 0 else product for row, product in enumerate(data.products)]
    categories = [None if row % 7 == 0 else category for row, category in enumerate(data.categories)]
    data, config = replace(data, products=products, categories=categories), replace(CONFIG, by=by)
    # Without all products pictures would be looked at for near duplicates, and all of these are alike.
    session = session_of(data, replace(config, split_by="category"), tmp_path)
    groups = Groups.from_session(session, config)
    labels = categories if by == "category" else products
    names = sorted({label for label in labels if label})
    assert groups.names == names
    assert groups.is_query is None
    assert groups.group_of.tolist() == [names.index(label) if label else -1 for label in labels]
    train = session.splits["train"]
    assert groups.batches == len(train) // 6
    batches = list(groups.draw_batches(np.random.default_rng(0)))
    assert len(batches) == groups.batches
    for batch in batches:
        assert set(batch.tolist()) <= set(train.tolist())
        drawn = Counter(labels[row] for row in batch)
        assert None not in drawn
        assert set(drawn.values()) == {2}
        if by == "product":
            assert len({categories[row] for row in batch}) <= 2


@pytest.mark.parametrize(("batches", "expected"), [(0, 1), (7, 7)])
def test_an_epoch_has_at_least_one_batch_or_as_many_as_were_asked_for(
    batches: int, expected: int, tmp_path: Path
) -> None:
    config = replace(CONFIG, groups=500, batches=batches)
    groups = Groups.from_session(session_of(clouds(), config, tmp_path), config)
    assert groups.batches == expected
    assert len(list(groups.draw_batches(np.random.default_rng(0)))) == expected


@pytest.mark.parametrize(("pairs", "is_enough"), [(2, True), (1, False)])
def test_two_groups_of_two_training_pictures_are_needed(pairs: int, is_enough: bool, tmp_path: Path) -> None:
    data = clouds(products=40, pictures=2)
    train = session_of(data, CONFIG, tmp_path).splits["train"].tolist()
    kept = {data.products[row] for row in train[: 2 * pairs]}
    products = [
        product if product in kept or row not in set(train) else f"alone-{row}"
        for row, product in enumerate(data.products)
    ]
    session = SimpleNamespace(data=replace(data, products=products), splits={"train": np.array(train)})
    if is_enough:
        assert Groups.from_session(session, CONFIG).sampler.usable_groups == 2
        return
    with pytest.raises(UnusableLabels, match="Fewer than two groups of the training pictures of clouds"):
        Groups.from_session(session, CONFIG)


def test_across_domains_groups_are_products_with_training_pictures_of_both(tmp_path: Path) -> None:
    data = clouds(products=40)
    # A third of the products has pictures of the shop alone, a third those of the street.
    sides = ["shop", "street", None]
    domains = [
        "studio" if row % 4 == 3 else sides[row // 4 % 3] or str(domain) for row, domain in enumerate(data.domains)
    ]
    data = replace(data, domains=domains)
    session = session_of(data, ACROSS, tmp_path)
    groups = Groups.from_session(session, ACROSS)
    assert groups.is_query is not None
    assert groups.is_query.tolist() == [domain == "street" for domain in domains]
    expected = [
        -1 if domain == "studio" else groups.names.index(str(product))
        for product, domain in zip(data.products, domains, strict=True)
    ]
    assert groups.group_of.tolist() == expected
    in_both = [row for row in session.splits["train"].tolist() if row // 4 % 3 == 2 and domains[row] != "studio"]
    assert groups.batches == len(in_both) // 6
    seen: set[int] = set()
    rng = np.random.default_rng(0)
    for _ in range(30):
        for batch in groups.draw_batches(rng):
            seen |= set(batch.tolist())
            drawn, told = batch[:6], Counter((data.products[row], domains[row]) for row in batch)
            products = {data.products[row] for row in drawn}
            assert set(told) == {(product, domain) for product in products for domain in ("street", "shop")}
            # A domain is added by one picture, and only where none was drawn.
            before = {(data.products[row], domains[row]) for row in drawn}
            assert len(batch) == 6 + 2 * len(products) - len(before)
    assert seen == set(in_both)


def test_a_picture_without_a_product_joins_no_group_across_domains() -> None:
    data = clouds(products=40, pictures=2)
    products = [None if row < 20 else product for row, product in enumerate(data.products)]
    session = SimpleNamespace(data=replace(data, products=products), splits={"train": np.arange(60)})
    groups = Groups.from_session(session, ACROSS)
    assert groups.sampler.usable_groups == 20
    assert groups.batches == 40 // 6
